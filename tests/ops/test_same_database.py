"""Commands refuse another database than that of the service that runs, and make nothing there."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import get_commands

from inviting_app import env, queries
from inviting_app.ops import same_database
from inviting_app.ops.embedded import Embedded
from tests.support.backups import another_session
from tests.support.environment import NAMES
from tests.support.http_gateway import Gateway, Webhook, running
from tests.support.ports import free_port


class Service(Gateway):
    """A web server that answers as the service does."""

    def __init__(self) -> None:
        super().__init__(Ready)


class Ready(Webhook):
    def do_GET(self) -> None:
        body = b'{"status": "ok", "version": "1.0.0"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port of a service that uses a database of its own."""
    for server in running(Service):
        monkeypatch.setattr(env, "PORT", server.server_port)
        yield server.server_port


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The DATA_DIR of a command, where no PostgreSQL runs."""
    monkeypatch.setattr(env, "DATA_DIR", tmp_path / "data")
    return tmp_path / "data"


def test_embedded_database_that_the_service_does_not_use_is_refused(service: int, data: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"^The service at 127.0.0.1:{service} uses another database"):
        same_database.check_embedded(Embedded(data))


def test_without_a_service_nothing_is_refused(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(env, "PORT", free_port())

    same_database.check_embedded(Embedded(data))


@pytest.mark.skipif(not django_settings.EMBEDDED_POSTGRES, reason="the tests have another server")
def test_embedded_database_that_runs_is_that_of_the_service(service: int) -> None:
    same_database.check_embedded(Embedded(django_settings.DATA_DIR))


@pytest.mark.django_db(transaction=True)
def test_database_without_another_session_is_refused(service: int) -> None:
    latest = time.monotonic() + 10
    while queries.other_sessions("default") and time.monotonic() < latest:
        time.sleep(0.02)  # the server ends a session some time after the test before has closed it

    with pytest.raises(ImproperlyConfigured, match="uses another database than this command"):
        same_database.check_sessions()


@pytest.mark.django_db
def test_database_with_another_session_is_that_of_the_service(service: int) -> None:
    with another_session():
        same_database.check_sessions()


def test_command_that_names_its_database_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATA_DIR", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    assert same_database.holds_for("backup")
    assert not same_database.holds_for("restore")

    monkeypatch.setenv("DATA_DIR", "/var/lib/inviting_app")
    assert not same_database.holds_for("backup")


def test_commands_that_are_held_exist() -> None:
    assert get_commands().keys() >= same_database.COMMANDS


def test_refused_command_makes_nothing(service: int, data: Path) -> None:
    settings = data.with_name("env")
    settings.write_text(f"DATA_DIR={data}\nPORT={service}\n")
    clean = {name: value for name, value in os.environ.items() if name not in NAMES}

    ended = subprocess.run(
        [sys.executable, "manage.py", "createsuperuser", "--migrate", "9991234567"],
        cwd=django_settings.BASE_DIR,
        env=clean | {"ENV_FILE": str(settings)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"The service at 127.0.0.1:{service} uses another database than this command")
    assert len(ended.stderr.splitlines()) == 3
    assert not data.exists()
