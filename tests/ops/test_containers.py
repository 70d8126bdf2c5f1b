"""The files of the containers and proxies, checked without building an image."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

from inviting_app.env import BASE_DIR
from inviting_app.ops.checks_database import QUIET_LOG
from tests.support.proxies import caddy_variables, haproxy_config, installed, nginx_arguments, nginx_site

VARIABLE = re.compile(r"^(?P<comment># )?(?P<name>[A-Z][A-Z_]+)=(?P<value>.*)$", re.MULTILINE)
PASSWORDS = {"POSTGRES_PASSWORD", "POSTGRES_SERVICE_PASSWORD"}
COMPOSE_ONLY = {*PASSWORDS, "COMPOSE_PROFILES"}
MUST_BE_SET = {"SECRET_KEY", *PASSWORDS}


def test_env_example_names_every_setting_once_and_no_other() -> None:
    settings = re.findall(r'\bread\("([A-Z_]+)"', text("inviting_app/env.py"))

    names = [match["name"] for match in example()]

    assert sorted(names) == sorted({*settings, *COMPOSE_ONLY})


def test_env_example_leaves_open_only_what_must_be_set() -> None:
    uncommented = {match["name"]: match["value"] for match in example() if not match["comment"]}

    assert uncommented == dict.fromkeys(MUST_BE_SET, "")


def test_env_example_shows_the_defaults() -> None:
    shown = {match["name"]: match["value"] for match in example()}

    assert settings_with(shown) == settings_with({})


def test_compose_uses_only_variables_that_env_example_explains() -> None:
    asked = set(re.findall(r"\$\{([A-Z_]+)", text("docker-compose.yml")))

    assert MUST_BE_SET <= asked <= {match["name"] for match in example()}


@pytest.mark.long
def test_compose_files_follow_the_compose_specification() -> None:
    files = here("docker-compose.yml"), here("compose.scaled.yaml"), here("compose.ipv6.yaml")

    checked = run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", *files)

    assert checked.returncode == 0, checked.stdout


def test_compose_publishes_only_the_proxy() -> None:
    published = {name: service["ports"] for name, service in compose()["services"].items() if "ports" in service}

    assert published == {"proxy": ["0.0.0.0:80:80", "0.0.0.0:443:443"], "grafana": ["127.0.0.1:3000:3000"]}


def test_containers_come_back_after_a_crash_of_docker() -> None:
    """`unless-stopped` is not enough: Docker then ends what still runs, and takes it for stopped by hand."""
    restarted = {name: service.get("restart") for name, service in compose()["services"].items()}

    assert {name for name, restart in restarted.items() if restart != "always"} == {"migrate", "tests"}


def test_compose_mounts_files_that_exist() -> None:
    mounts = [mount for service in compose()["services"].values() for mount in service.get("volumes", [])]

    for source, *_ in (mount.split(":") for mount in mounts):
        assert here(source).exists() if source.startswith(".") else source in compose()["volumes"]


def test_prometheus_finds_the_metrics_of_compose() -> None:
    services = {*compose()["services"], *yaml.safe_load(text("compose.scaled.yaml"))["services"]}
    [scraped] = yaml.safe_load(text("deploy/prometheus.yml"))["scrape_configs"]
    [found] = scraped["dns_sd_configs"]

    assert services >= set(found["names"])
    assert found["port"] == compose()["services"]["web"]["environment"]["METRICS_PORT"]


def test_backups_are_made_by_the_owner_of_the_tables() -> None:
    services = compose()["services"]

    for name in ("OWNER_DATABASE_URL", "PGPASSWORD"):
        assert services["backup"]["environment"][name] == services["migrate"]["environment"][name]
    assert "/backups" in text("Dockerfile")


def test_database_of_compose_logs_no_phone() -> None:
    options = compose()["services"]["db"]["command"]

    assert {f"{name}={values[0]}" for name, values in QUIET_LOG.items()} <= set(options)


def test_compose_gives_the_proxy_its_file_and_each_variable_of_it() -> None:
    proxy = compose()["services"]["proxy"]

    file, target, _ = next(volume for volume in proxy["volumes"] if "Caddyfile" in volume).split(":")
    assert target == "/etc/caddy/Caddyfile"
    assert set(re.findall(r"\{\$([A-Z_]+)", text(file))) == set(proxy["environment"])
    assert proxy["environment"]["UPSTREAM"] == f"web:{compose()['services']['web']['environment']['PORT']}"


def test_second_web_is_like_the_first_and_the_proxy_uses_both() -> None:
    added = yaml.safe_load(text("compose.scaled.yaml"))["services"]

    assert added["web-2"] == {"extends": {"file": "docker-compose.yml", "service": "web"}}
    first = compose()["services"]["proxy"]["environment"]["UPSTREAM"]
    both = {"UPSTREAM": f"{first} {first.replace('web:', 'web-2:')}", "CHECKS": "checked"}
    assert added["proxy"]["environment"] == both


@pytest.mark.parametrize(("upstream", "checks"), [("127.0.0.1:8000", "unchecked"), ("web:8000 web-2:8000", "checked")])
@pytest.mark.parametrize(
    "site",
    ["https://invite.example.org", "http://localhost", "http://localhost:8080", "https://invite.example.org:8443"],
)
def test_caddy_accepts_its_file(tmp_path: Path, site: str, upstream: str, checks: str) -> None:
    variables = caddy_variables(tmp_path, 8000, 8000) | {"SITE_URL": site, "UPSTREAM": upstream, "CHECKS": checks}

    checked = run(
        "caddy", "validate", "--adapter", "caddyfile", "--config", here("deploy/Caddyfile"), variables=variables
    )

    assert checked.returncode == 0, checked.stdout


def test_caddyfile_is_formatted() -> None:
    checked = run("caddy", "fmt", "--diff", here("deploy/Caddyfile"))

    assert checked.returncode == 0, checked.stdout


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """The files of a certificate and of its key."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    made = run(
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "1",
        "-out", certificate, "-keyout", key,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout
    return certificate, key


def test_nginx_accepts_its_file(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    public, key = certificate
    site = re.sub(r"/etc/letsencrypt\S+/fullchain.pem", str(public), nginx_site(8443, 8000))
    site = re.sub(r"/etc/letsencrypt\S+/privkey.pem", str(key), site)

    checked = run("nginx", "-t", *nginx_arguments(tmp_path, site))

    assert checked.returncode == 0, checked.stdout


def test_haproxy_accepts_its_file(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    both, config = tmp_path / "both.pem", tmp_path / "haproxy.cfg"
    both.write_text("".join(file.read_text() for file in certificate))
    file = haproxy_config(":8080", 8000).replace("/etc/haproxy/invite.example.org.pem", str(both))
    config.write_text(file.replace(":443", ":8443"))

    checked = run("haproxy", "-c", "-f", config)

    assert checked.returncode == 0 and "[WARNING]" not in checked.stdout, checked.stdout


def test_proxies_and_service_have_the_same_body_limit() -> None:
    kilobytes = settings.BODY_MAX_BYTES // 1024

    assert re.findall(r"max_size (\w+)", text("deploy/Caddyfile")) == [f"{kilobytes}KiB"]
    assert re.findall(r"client_max_body_size (\w+)", text("deploy/nginx.conf")) == [f"{kilobytes}k"]
    assert re.findall(r"req.body_size gt (\d+)", text("deploy/haproxy.cfg")) == [str(settings.BODY_MAX_BYTES)]


def test_dockerfile_has_no_lint() -> None:
    file = here("Dockerfile")

    checked = run("hadolint", file)

    assert checked.returncode == 0, checked.stdout


def test_image_is_readable_whatever_the_umask_of_the_checkout() -> None:
    for stage in re.split("^FROM ", text("Dockerfile"), flags=re.MULTILINE):
        if "COPY . ." in stage or "COPY manage.py" in stage:
            assert "chmod -R a+rX ." in stage.rpartition("\nCOPY ")[2]


def test_files_that_git_ignores_are_not_in_the_image() -> None:
    ignored = [line for line in text(".gitignore").splitlines() if not line.startswith("#")]
    kept_out = text(".dockerignore").splitlines()

    missing = [name for name in (".git", *ignored) if f"**/{name.strip('/')}" not in kept_out]
    assert [name for name in missing if not name.startswith("/") or name[1:] not in kept_out] == []
    assert {"/erasures.txt", "/providers.toml"} <= set(ignored)  # the documents tell to write them here


def example() -> list[re.Match[str]]:
    return list(VARIABLE.finditer(text(".env.example")))


def text(name: str) -> str:
    return here(name).read_text()


def here(name: str) -> Path:
    path = BASE_DIR / name
    if not path.exists():
        pytest.skip(f"{name} is not in this copy of the project")
    return path


def compose() -> Any:
    return yaml.safe_load(text("docker-compose.yml"))


def run(tool: str, *arguments: str | Path, variables: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [installed(tool), *arguments],
        env={**os.environ, **(variables or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )


def settings_with(variables: dict[str, str]) -> dict[str, Any]:
    """The settings of a process that has only these variables."""
    program = (
        "import json\n"
        "from inviting_app import env\n"
        # Without the values as they are written.
        "del env.KEPT\n"
        "print(json.dumps({name: str(value) for name, value in vars(env).items() if name.isupper()}))"
    )
    given = {**variables, "SECRET_KEY": "a key", "DATABASE_URL": "postgresql://db/name"}
    made = subprocess.run(
        [sys.executable, "-c", program], cwd=BASE_DIR, env=given, capture_output=True, text=True, timeout=60
    )
    assert made.returncode == 0, made.stderr
    return json.loads(made.stdout)
