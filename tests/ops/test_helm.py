"""The Helm chart, rendered and validated without a cluster."""

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

from inviting_app import __version__
from tests.support import chart
from tests.support.environment import NAMES
from tests.support.settings import read

# What the image sets, so that the chart does not.
OF_THE_IMAGE = {"HOST", "PORT", "DATA_DIR"}

SITE = {"SITE_URL": "https://invite.example.org"}
URL = {"DATABASE_URL": {"name": "postgres-app", "key": "uri"}}
OWNER_URL = {"OWNER_DATABASE_URL": {"name": "postgres-owner", "key": "uri"}}
SMALL = {"settings": SITE, "secretKeyRefs": URL, "existingSecret": "mine"}
FULL = {
    "settings": {**SITE, "SMS_PER_DAY": 1_000_000, "METRICS_PORT": 9464, "SMS_TEXT": "en=Code {code}|ru=Код {code}"},
    "secretKeyRefs": URL | OWNER_URL,
    "secrets": {"SECRET_KEY": 'a "quoted" key: of $more than 32 characters', "SMS_GATEWAYS": "webhook://localhost/"},
    "imagePullSecrets": [{"name": "registry"}],
    "web": {"autoscaling": {"enabled": True}},
    "ingress": {"enabled": True, "className": "x", "annotations": {"a": "b"}, "tlsSecret": "certificate"},
    "podAnnotations": {"a": "b"},
    "podLabels": {"c": "d"},
    "nodeSelector": {"disk": "fast"},
    "tolerations": [{"operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "volumes": [{"name": "providers", "configMap": {"name": "providers"}}],
    "volumeMounts": [{"name": "providers", "mountPath": "/app/providers.toml", "subPath": "providers.toml"}],
}
REFUSED = {
    "settings.SITE_URL is required": {"secretKeyRefs": URL},
    "DATABASE_URL is required": {"settings": SITE},
    "SMS_GATEWAY": {**SMALL, "secrets": {"SMS_GATEWAY": "webhook://localhost/"}},
    "SECRET_KEY": {**SMALL, "settings": {**SITE, "SECRET_KEY": "not a secret here"}},
    "webb": {**SMALL, "webb": {"replicas": 3}},
}


def names(kind: str) -> set[str]:
    schema = json.loads((chart.CHART / "values.schema.json").read_text())
    return set(schema["definitions"][kind]["enum"])


def test_every_setting_can_be_given_and_no_other() -> None:
    assert names("settings") | names("secrets") == NAMES - OF_THE_IMAGE
    assert not names("settings") & names("secrets")


def test_image_sets_what_the_chart_does_not() -> None:
    dockerfile = Path(settings.BASE_DIR, "Dockerfile").read_text()

    assert {name for name in NAMES if re.search(rf"^    {name}=\S", dockerfile, re.MULTILINE)} == OF_THE_IMAGE


def test_chart_installs_this_version() -> None:
    assert yaml.safe_load((chart.CHART / "Chart.yaml").read_text())["appVersion"] == __version__


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    """What became of the values, by name: of `small`, `full` and those that must be refused."""
    if not all(importlib.util.find_spec(name) for name in ("helm_python", "kubernetes_validate")):
        pytest.skip("helm-python-sdk and kubernetes-validate are not installed")
    cases = {"small": SMALL, "full": FULL, **REFUSED}
    done = subprocess.run(
        [sys.executable, chart.__file__], input=json.dumps([*cases.values()]), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(cases, json.loads(done.stdout), strict=True))


@pytest.mark.long
@pytest.mark.parametrize("name", ["small", "full"])
def test_chart_has_no_lint_and_its_manifests_are_valid(results: dict[str, Any], name: str) -> None:
    assert results[name].get("error") is None
    assert results[name]["lint"] == []


@pytest.mark.long
@pytest.mark.parametrize("reason", REFUSED)
def test_wrong_value_is_refused_and_named(results: dict[str, Any], reason: str) -> None:
    assert reason in results[reason]["error"]


def pods(result: dict[str, Any]) -> dict[str, Any]:
    """The specifications of the pods, by part."""
    made = [template for each in result["manifests"] if (template := each.get("spec", {}).get("template"))]
    return {pod["metadata"]["labels"]["app.kubernetes.io/component"]: pod["spec"] for pod in made}


def test_pods_get_the_settings_and_only_migrate_the_owner(
    results: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for part, pod in pods(results["full"]).items():
        (container,) = pod["containers"]
        given = {one["name"]: one.get("value") for one in container["env"]}
        secrets = {one["name"]: one["valueFrom"]["secretKeyRef"] for one in container["env"] if "valueFrom" in one}

        assert secrets == (URL | OWNER_URL if part == "migrate" else URL)
        assert container["envFrom"] == [{"secretRef": {"name": "demo-inviting-app"}}]
        in_a_pod = {name: value for name, value in given.items() if value is not None}
        assert in_a_pod.get("OWNER_DATABASE_URL", "") == ""
        with monkeypatch.context() as patch:
            env = read(
                patch, **in_a_pod, **FULL["secrets"], DATABASE_URL="postgresql://app:secret@postgres-rw:5432/app"
            )
        assert (env["SMS_PER_DAY"], env["METRICS_PORT"], env["TRUSTED_PROXIES"]) == (1_000_000, 9464, 1)


def test_secret_has_the_values_as_they_are(results: dict[str, Any]) -> None:
    (secret,) = [each for each in results["full"]["manifests"] if each["kind"] == "Secret"]

    assert secret["stringData"] == FULL["secrets"]


def test_pods_are_hardened_and_run_as_the_user_of_the_image(results: dict[str, Any]) -> None:
    user = re.findall(r"^USER (\d+):(\d+)$", Path(settings.BASE_DIR, "Dockerfile").read_text(), re.MULTILINE)[-1]

    for pod in pods(results["small"]).values():
        context = pod["securityContext"]
        assert (context["runAsNonRoot"], context["runAsUser"], context["runAsGroup"]) == (True, *map(int, user))
        assert pod["automountServiceAccountToken"] is False
        assert pod["containers"][0]["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_probes_are_those_of_the_service_and_selectors_match(results: dict[str, Any]) -> None:
    manifests = results["full"]["manifests"]
    parts = pods(results["full"])

    probes = [parts["web"]["containers"][0][f"{kind}Probe"]["httpGet"]["path"] for kind in ("liveness", "readiness")]
    assert probes == ["/livez", "/readyz"] and set(probes) <= set(settings.PROBE_PATHS)
    (web,) = parts["web"]["containers"]
    drain = next(one["value"] for one in web["env"] if one["name"] == "DRAIN_SECONDS")
    assert web["lifecycle"]["preStop"]["exec"]["command"] == ["sleep", drain]
    assert parts["web"]["terminationGracePeriodSeconds"] == int(drain) + 30
    service = next(each for each in manifests if each["kind"] == "Service")
    deployments = [each for each in manifests if each["kind"] == "Deployment"]
    assert [
        each["metadata"]["name"]
        for each in deployments
        if service["spec"]["selector"].items() <= each["spec"]["template"]["metadata"]["labels"].items()
    ] == ["demo-inviting-app-web"]
    budgets = [each["spec"]["selector"] for each in manifests if each["kind"] == "PodDisruptionBudget"]
    assert budgets == [each["spec"]["selector"] for each in deployments]


@pytest.mark.parametrize(("statuses", "starts"), [("75 75 3", 3), ("75 run", 2)])
def test_worker_is_started_again_after_75_and_ends_when_told(
    results: dict[str, Any], tmp_path: Path, statuses: str, starts: int
) -> None:
    """The command of the worker's pod, with a program in place of Python that ends with these statuses in turn."""
    program, log = tmp_path / "python", tmp_path / "log"
    program.write_text(
        "#!/bin/sh\n"
        f'echo start "$@" >> {log}; set -- {statuses}; shift $(($(wc -l < {log}) - 1))\n'
        f'[ "$1" = run ] || exit "$1"; trap "echo end >> {log}; exit" TERM; echo runs >> {log}; /bin/sleep 20 & wait\n'
    )
    program.chmod(0o755)
    (tmp_path / "sleep").symlink_to("/bin/true")
    command = pods(results["small"])["worker"]["containers"][0]["command"]

    with subprocess.Popen(command, env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}) as process:
        if statuses.endswith("run"):
            while not log.exists() or "runs" not in log.read_text():
                time.sleep(0.01)
            process.send_signal(signal.SIGTERM)
        status = process.wait(20)

    lines = log.read_text().splitlines()
    assert lines.count("start manage.py worker") == starts
    assert ("end" in lines) == statuses.endswith("run")
    assert status == (3 if "3" in statuses else 128 + signal.SIGTERM)
