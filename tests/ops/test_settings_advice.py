"""What is wrong in `.env`, in the environment or in a URL is told so that it is found, and without a secret."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from inviting_app import env
from tests.support.settings import read


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("SITE_ULR", "SITE_URL"),
        ("SMS_GATEWAY", "SMS_GATEWAYS"),
        ("sms_sender", "SMS_SENDER"),
        ("LOGFORMAT", "LOG_FORMAT"),
    ],
)
def test_misspelt_name_in_the_environment_is_told(monkeypatch: pytest.MonkeyPatch, written: str, meant: str) -> None:
    told = f"The environment: {written} is not a setting. Did you mean {meant}?"

    assert read(monkeypatch, **{written: "x"})["notes"]() == [told]


def test_names_of_other_programs_in_the_environment_are_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    others = [
        *(
            "POSTGRES_PASSWORD",
            "DB_HOST",
            "DB_URL",
            "TZ",
            "TIMEZONE",
            "LOG_LEVEL",
            "SECRET_KEY_BASE",
            "DJANGO_SECRET_KEY",
        ),
        *(
            "HOSTNAME",
            "HOSTS",
            "GHOST",
            "PORTS",
            "POST",
            "LANGUAGES",
            "XDG_DATA_DIRS",
            "KUBERNETES_PORT",
            "SITE_NAMES_FILE",
        ),
        *(
            "METRICS_PORT_9464_TCP",
            "WEB_PORT",
            "WEB_CONCURRENCY",
            "DATABASE_HOST",
            "DATABASE_NAME",
            "PGDATABASE",
            "VENV",
        ),
    ]

    assert read(monkeypatch, **dict.fromkeys(others, "x"))["notes"]() == []
    # Of another program, as the setting itself is given.
    assert read(monkeypatch, SITE_URL="http://localhost", SITE_URI="x")["notes"]() == []


def test_line_of_the_file_that_is_no_assignment_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("# A comment\nexport WEB_THREADS=3\n\nSITE_URL https://a.example\nWEB_WORKERS='5'\n'\n")

    values = read(monkeypatch, ENV_FILE=str(file))

    what = ".env: python-dotenv could not parse statement starting at line {}. It is ignored."
    told = [what.format(number) for number in (3, 6)]  # it counts the empty line before
    assert values["notes"]() == told


def test_reason_why_the_file_cannot_be_read_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_bytes("SITE_NAME=Привет".encode("cp1251"))

    # Root may read every file, so this one, which nobody can read from its beginning, stands for one of another user.
    with pytest.raises(ImproperlyConfigured, match=r" \.env: cannot be read: Input/output error$"):
        read(monkeypatch, ENV_FILE="/proc/self/mem")
    with pytest.raises(ImproperlyConfigured, match=r" \.env: cannot be read as UTF-8 text$"):
        read(monkeypatch, ENV_FILE=str(file))


@pytest.mark.parametrize(
    "password", ["hunter@w0rd", "hunter/w0rd", "hunter@x#w0rd/y", "1/w0rd", "hunter@x?w0rd=1", "hunter%w0rd"]
)
def test_password_that_is_not_encoded_is_refused_without_a_part_of_it(password: str) -> None:
    with pytest.raises(ValueError, match="write %40 for @") as refused:
        env.database(f"postgres://app:{password}@db/invites")

    assert not any(part in str(refused.value) for part in ("hunter", "w0rd"))


def test_at_sign_of_a_parameter_is_kept() -> None:
    assert env.database("postgresql://h/n?user=me@there")["USER"] == "me@there"


@pytest.mark.parametrize("quote", ["'", '"'])
def test_quotes_that_the_environment_has_kept_are_told(monkeypatch: pytest.MonkeyPatch, quote: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^inviting_app cannot start. SITE_URL: must .+ stands in quotes"):
        read(monkeypatch, SITE_URL=f"{quote}https://invite.example.org{quote}")


def test_settings_that_a_reload_keeps_are_compared_with_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / ".env"
    file.write_text("HOST=127.0.0.9\nPORT=8009\nDATABASE_URL='postgresql://b/two'\nSITE_URL=http://localhost:7000\n")
    for name in env.KEPT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(env, "KEPT", dict.fromkeys(env.KEPT, "") | {"PORT": "8009", "REPLICA_URL": "postgresql://c/d"})
    monkeypatch.setenv("HOST", "")  # which takes precedence

    assert env.kept_against(file) == ["DATABASE_URL", "REPLICA_URL"]
    assert env.kept_against(tmp_path / "none") == ["PORT", "REPLICA_URL"]
