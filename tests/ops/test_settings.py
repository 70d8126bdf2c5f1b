"""A bad setting stops the start in one line that names it."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from inviting_app import env
from inviting_app.ops import places
from inviting_app.ops.embedded import Embedded
from tests.support.settings import CHECK, read, start


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "70000"),
        ("PORT", "000000000065539"),
        ("SITE_URL", "invite.example.org"),
        ("SITE_URL", "https://invite.example.org/path"),
        ("TRUSTED_PROXIES", "-1"),
        ("CORS_ORIGINS", "https://a.example,b.example"),
        ("LANGUAGE", "english"),
        ("TIME_ZONE", "Moscow"),
        ("LOG_FORMAT", "xml"),
        ("METRICS_PORT", "no"),
        ("METRICS_PORT", "8000"),  # which is PORT
        ("WEB_WORKERS", "0"),
        ("WEB_THREADS", "many"),
        ("PHONE_REGION", "XX"),
        ("PHONE_REGIONS", "RU,XX"),
        ("LOGIN_SEND_GAPS", "30,soon"),
        ("LOGIN_SEND_GAPS", "30,3601"),
        ("SMS_GATEWAYS", "json://localhost/{phone}"),
        ("SMS_GATEWAYS", "webhook://u:s3cr\u2100t@localhost/"),
        ("SMS_GATEWAYS", "webhook://u:pw@[127.0.0.1/"),
        ("SMS_GATEWAYS", "webhook://localhost:99999/"),
        ("SMS_LAST_LINE", "android:short"),
        ("ADMIN_SECOND_FACTOR", "yes"),
        ("ALLOW_DEMO", "yes"),
        ("DATABASE_URL", "mysql://localhost/invites"),
        ("DATABASE_URL", "postgresql://localhost"),
        ("DATABASE_URL", "postgresql://localhost:65536/invites"),
        ("DATABASE_URL", "postgresql://localhost/invites?prepare=perhaps"),
    ],
)
def test_bad_value_is_refused_in_one_line_with_its_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        read(monkeypatch, **{name: value})

    line = str(refused.value)
    assert line.startswith(f"inviting_app cannot start. {name}: ")
    assert len(line.splitlines()) == 1
    assert "pw@" not in line


@pytest.mark.parametrize("code", [CHECK, "import inviting_app.ops.gunicorn_conf"], ids=["manage.py", "gunicorn"])
def test_refusal_of_a_value_is_all_that_is_printed(tmp_path: Path, code: str) -> None:
    refused = start(tmp_path, code, PORT="eighty")

    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "inviting_app cannot start. PORT: must be a whole number from 1 to 65535\n"


@pytest.mark.parametrize(
    ("parse", "given", "bad"),
    [
        (env.region, "RU,QQ", r"item 2 \('QQ'\) must be the two letters"),
        (env.origin, "https://a.example, b.example", r"item 2 \('b.example'\) must look like"),
        (env.origin, "https://me:hunter2@a.example", "item 1 must look like"),
        (env.integer(1, 60), "30,60,soon", r"item 3 \('soon'\) must be a whole number"),
    ],
)
def test_bad_item_of_a_list_is_named(parse: Callable[[str], object], given: str, bad: str) -> None:
    with pytest.raises(ValueError, match=bad):
        env.each(parse)(given)


@pytest.mark.parametrize("key", ["only thirty-one characters long", "ab" * 30])
def test_key_that_can_be_guessed_stops_every_command(settings: Any, key: str) -> None:
    settings.SECRET_KEY = key

    with pytest.raises(SystemCheckError, match="SECRET_KEY has fewer than 32 characters") as refused:
        call_command("check")

    assert key not in str(refused.value)


def test_python_without_the_packages_says_which_one_to_use() -> None:
    # -S leaves the packages out.
    refused = subprocess.run(
        [sys.executable, "-S", "manage.py", "check"],
        cwd=site.BASE_DIR, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True,
    )  # fmt: skip

    assert refused.returncode == 1
    assert (
        refused.stderr == "This Python is without the service's packages: use .venv/bin/python (`make run` makes it).\n"
    )


def test_empty_value_means_the_default(tmp_path: Path) -> None:
    shown = "from inviting_app import settings as s; print(s.SITE_URL, s.PORT, s.EMBEDDED_POSTGRES)"

    started = start(tmp_path, shown, PORT="", SITE_URL=" ", DATABASE_URL="")

    assert started.stdout.strip() == "http://localhost:8000 8000 True"


def test_secret_of_a_bad_url_is_not_repeated(tmp_path: Path) -> None:
    refused = start(tmp_path, DATABASE_URL="postgresql://me:hunter2@localhost:port/invites", SECRET_KEY="s" * 50)

    assert refused.returncode == 1
    assert "hunter2" not in refused.stderr


def test_database_url_needs_a_secret_key(tmp_path: Path) -> None:
    refused = start(tmp_path, DATABASE_URL="postgresql://localhost/invites")

    assert refused.stderr.startswith("inviting_app cannot start. SECRET_KEY: ")


@pytest.mark.parametrize("site", ["https://invite.example.org", "http://192.168.1.5:8000"])
def test_public_demo_mode_needs_allow_demo(monkeypatch: pytest.MonkeyPatch, site: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="SMS_GATEWAYS"):
        read(monkeypatch, SITE_URL=site)

    assert read(monkeypatch, SITE_URL=site, ALLOW_DEMO="1")["SMS_GATEWAYS"] == []
    assert len(read(monkeypatch, SITE_URL=site, SMS_GATEWAYS="webhook+http://localhost/")["SMS_GATEWAYS"]) == 1


def test_key_is_generated_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    first = start(tmp_path)
    key = (tmp_path / "secret_key").read_text()
    start(tmp_path)
    shown = start(tmp_path, "from inviting_app import settings; print(settings.SECRET_KEY)")

    assert first.returncode == 0, first.stderr
    assert shown.stdout.strip() == key and len(key) > 50
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600


def test_no_key_is_generated_if_one_is_set(tmp_path: Path) -> None:
    started = start(tmp_path, SECRET_KEY="a key of one's own, of 32 characters")

    assert started.returncode == 0, started.stderr
    assert not (tmp_path / "secret_key").exists()


def test_import_of_the_settings_creates_nothing(tmp_path: Path) -> None:
    imported = start(tmp_path / "data", "import inviting_app.settings, inviting_app.ops.gunicorn_conf")

    assert imported.returncode == 0, imported.stderr
    assert not (tmp_path / "data").exists()


def test_environment_takes_precedence_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "inviting_app").mkdir()
    for name in ("env.py", "values.py", "values_sms.py"):
        shutil.copy(site.BASE_DIR / "inviting_app" / name, tmp_path / "inviting_app")
    (tmp_path / ".env").write_text("PORT=8001\nLANGUAGE=ru\nWEB_THREADS=3\nSMS_GATEWAY=x\n")
    shown = (
        "import sys; sys.path[0] = '.'; from inviting_app import env as e; "
        "print(e.PORT, e.LANGUAGE, e.WEB_THREADS, *e.notes())"
    )

    read = subprocess.run(
        [sys.executable, "-c", shown],
        cwd=tmp_path,
        env={"PORT": "8002", "LANGUAGE": ""},
        capture_output=True,
        text=True,
    )

    told = ".env: SMS_GATEWAY is not a setting. Did you mean SMS_GATEWAYS?"
    assert read.stdout.strip() == f"8002 en 3 {told}", read.stderr


def test_unusable_data_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    refused = start(tmp_path / "file" / "data")

    assert refused.stderr.startswith("inviting_app cannot start. DATA_DIR: cannot write to ")
    assert len(refused.stderr.splitlines()) == 1


def test_database_url_is_read_as_libpq_reads_it() -> None:
    parsed = env.database("postgresql://me:p%40ss@db.example:6432/invites?sslmode=require&prepare=off")

    assert parsed == {
        "NAME": "invites",
        "USER": "me",
        "PASSWORD": "p@ss",
        "HOST": "db.example",
        "PORT": "6432",
        "OPTIONS": {"sslmode": "require", "prepare_threshold": None},
    }


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://localhost:8000", True),
        ("http://127.0.0.2", True),
        ("http://[::1]:8000", True),
        ("http://invite.localhost", True),
        ("http://10.0.0.1", False),
        ("https://localhost.example.org", False),
    ],
)
def test_only_loopback_is_local(url: str, local: bool) -> None:
    assert env.is_local(url) is local


def test_deployment_checks_find_nothing(tmp_path: Path) -> None:
    site = {
        "SITE_URL": "https://invite.example.org",
        "SMS_GATEWAYS": "webhook+http://localhost/",
        "TRUSTED_PROXIES": "1",
        **{"OPERATOR_NAME": "Acme", "PRIVACY_URL": "https://example.org/", "CONTACT_URL": "tel:+79991234567"},
    }
    argv = ["manage.py", "check", "--deploy", "--fail-level", "DEBUG"]

    checked = start(tmp_path, f"import sys; sys.argv = {argv}; import manage; manage.main()", **site)

    assert checked.returncode == 0, checked.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another user")
def test_data_folder_does_not_change_with_permissions_above(tmp_path: Path) -> None:
    data = tmp_path / "data"
    cluster = data / "postgres" / "cluster"
    tmp_path.chmod(0o700)
    cluster.mkdir(parents=True)

    places.choose(data)

    assert Embedded(data).home == data / "postgres"
