"""The log lines and the metrics of a running service, as the dashboard and the alerts use them."""

import json
import re
import subprocess
import sys
import urllib.error
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from django.conf import settings
from prometheus_client.parser import text_string_to_metric_families

from inviting_app.ops import metrics
from tests.support.used_service import service_with_a_vote

DOCS = Path(settings.BASE_DIR) / "docs"
SENT = 'inviting_app_sms_total{gateway="demo",outcome="sent"}'


@dataclass
class Watched:
    """The metrics and the log of a service that was started, used and stopped."""

    scrape: str

    # The metrics after the process with the port was killed.
    scrape_after_crash: str

    lines: list[str]
    # The id of the request that caused an SMS.
    asked: str

    @property
    def logged(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]


def listener_of(port: int) -> psutil.Process | None:
    """The process that listens on this port."""
    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
            return psutil.Process(connection.pid)
    return None


@pytest.fixture(scope="module")
def watched() -> Iterator[Watched]:
    """One service for all tests of this file: sign-ins, a vote, an SMS, refusals and a crash."""
    with service_with_a_vote(WEB_WORKERS="2") as service:
        port = int(service.metrics_port or 0)
        for path, body in [("/api/auth/signup", {"phone": "1"}), ("/api/nowhere", None), ("/nowhere", None)]:
            with pytest.raises(urllib.error.HTTPError):
                service.call(path, body)
        service.sign_in("9991110031")
        service.call("/api/auth/signup", {"phone": "9991110033"})
        service.wait_for(lambda: "***0033" in service.output and SENT in service.scrape())
        service.wait_for(lambda: "inviting_app_jobs_total{" in service.scrape())  # a periodic task has run
        shown = service.scrape()
        first = listener_of(port)
        first.kill()
        service.wait_for(lambda: (second := listener_of(port)) and second != first)
        again = service.scrape()
        service.wait_for(lambda: service.part("manage.py worker"))  # it may be the one that was killed
        service.part("manage.py worker").kill()
        service.wait_for(lambda: "starting it again" in service.output)
        service.stop()
        lines = service.output.splitlines()
        asked = [json.loads(line)["request_id"] for line in lines if "POST /api/auth/signup 200" in line][-1]
        yield Watched(shown, again, lines, asked)


def test_every_line_from_start_to_stop_is_json(watched: Watched) -> None:
    for line in watched.lines:
        assert {"time", "level", "logger", "message", "request_id"} <= json.loads(line).keys(), line

    messages = [line["message"] for line in watched.logged]
    assert any("inviting_app is ready" in message for message in messages)
    assert messages[-1] == "inviting_app has stopped"


def test_each_request_has_a_line_with_its_own_id(watched: Watched) -> None:
    requests = [line for line in watched.logged if line["logger"] == "inviting_app.requests"]

    assert len({line["request_id"] for line in requests}) == len(requests) == 12
    assert {(line["level"], len(line["request_id"])) for line in requests} == {("INFO", 32)}
    assert any(re.match(r"GET /nowhere 404 [0-9.]+ ms$", line["message"]) for line in requests)


def test_no_line_contains_a_phone(watched: Watched) -> None:
    assert not re.search("99911100(31|32|33)", "\n".join(watched.lines))


def test_worker_logs_the_id_of_the_request_for_the_sms(watched: Watched) -> None:
    (line,) = (line for line in watched.logged if "***0033" in line["message"])

    assert (line["logger"], line["request_id"]) == ("users.sms.tries", watched.asked)


def test_metrics_count_what_happened_in_all_processes(watched: Watched) -> None:
    values = {
        (sample.name.removeprefix("inviting_app_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(watched.scrape)
        for sample in family.samples
    }

    assert [values[name,] for name in ("codes_asked_total", "codes_verified_total")] == [4, 3]
    assert [values[name,] for name in ("sign_ups_total", "activations_total")] == [2, 1]
    assert [values[name,] for name in ("database_up", "workers", "sms_day_limit")] == [1, 1, 10_000]
    routes = set(
        re.findall(r'requests_total{code="(.*?)",method="(.*?)",route="(.*?)",status="(.*?)"} ', watched.scrape)
    )
    assert routes >= {
        ("", "POST", "/api/auth/login", "200"),
        ("invalid_phone", "POST", "/api/auth/signup", "400"),
        ("not_found", "GET", "/api", "404"),
        ("", "GET", "(none)", "404"),
    }
    assert re.search(r'inviting_app_jobs_total{.*task="(users|profiles)\.tasks\.', watched.scrape)
    assert values["sms_total", "demo", "sent"] > 0  # one whose code is used before is not sent


def test_another_process_serves_metrics_when_the_first_ends(watched: Watched) -> None:
    counts = [
        {line for line in scrape.splitlines() if re.match(r"inviting_app_(codes_\w+|sign_ups|activations)_total", line)}
        for scrape in (watched.scrape, watched.scrape_after_crash)
    ]

    assert counts[0] == counts[1]


def expressions(node: Any) -> Iterator[str]:
    """Every PromQL expression in this document."""
    if isinstance(node, dict):
        yield from (value for key, value in node.items() if key in ("expr", "definition"))
        node = list(node.values())
    if isinstance(node, list):
        for inner in node:
            yield from expressions(inner)


def counted() -> Iterator[str]:
    """The names of all events, also of those that did not happen here, such as a receipt."""
    for family in metrics.registry.collect():
        yield from (family.name + suffix for suffix in ("_total", "_bucket", "_sum", "_count"))


@pytest.mark.parametrize("file", ["grafana.json", "alerts.yml"])
def test_dashboard_and_alerts_use_existing_metrics(watched: Watched, file: str) -> None:
    asked = {name for text in expressions(yaml.safe_load((DOCS / file).read_text())) for name in names(text)}

    families = list(text_string_to_metric_families(watched.scrape))
    shown = {sample.name for family in families for sample in family.samples} | {family.name for family in families}
    assert asked <= shown | set(counted())
    if file == "grafana.json":
        unseen = {family.name for family in families if not any(name.startswith(family.name) for name in asked)}
        assert unseen == set()


def names(expression: str) -> set[str]:
    return set(re.findall(r"inviting_app_\w+", expression))


def test_page_names_every_metric(watched: Watched) -> None:
    page = (DOCS / "watching.md").read_text()

    assert names(watched.scrape.replace("_bucket", "").replace("_sum", "").replace("_count{", "{")) <= names(page)


def test_bad_setting_is_reported_in_json_too() -> None:
    program = [sys.executable, "manage.py", "check"]
    variables = {"LOG_FORMAT": "json", "PORT": "none"}

    ended = subprocess.run(program, cwd=settings.BASE_DIR, env=variables, capture_output=True, text=True, check=False)

    line = json.loads(ended.stderr)
    assert ended.returncode == 1
    assert line["message"].startswith("inviting_app cannot start. PORT: ")
    assert {"time", "level", "logger", "request_id"} <= line.keys()


def test_uncaught_error_and_a_warning_are_json_too() -> None:
    ended = run("import warnings; warnings.warn('old'); raise ValueError('+79991234567')", LOG_FORMAT="json")

    warning, error = (json.loads(line) for line in ended.stderr.splitlines())
    assert (warning["logger"], error["level"]) == ("py.warnings", "CRITICAL")
    assert "Traceback" in error["exc_info"]
    assert "9991234567" not in ended.stderr


def test_time_without_a_zone_of_an_operator_is_kept_nowhere() -> None:
    """Python keeps each text of a warning that it has shown, for as long as the process runs."""
    program = """
from django.db.models import fields
from users.models import SmsDelivery
[SmsDelivery.objects.filter(created_at__gte=f"2026-01-{day:02}") for day in range(1, 32)]
print(len(getattr(fields, "__warningregistry__", ())))
"""

    ended = run(program)

    assert int(ended.stdout) <= 1  # the version of the filters
    assert ended.stderr == ""


def run(program: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The end of this Python program, in a process of its own with these settings."""
    return subprocess.run(
        [sys.executable, "-c", f"import django; django.setup()\n{program}"],
        cwd=settings.BASE_DIR,
        env={
            "DATA_DIR": str(settings.DATA_DIR),
            "DJANGO_SETTINGS_MODULE": "inviting_app.settings",
            **variables,
        },
        capture_output=True,
        text=True,
        check=False,
    )
