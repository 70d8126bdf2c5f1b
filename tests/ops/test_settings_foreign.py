"""Values of other programs in the environment do not stop the start, and misspelt names in the file are told."""

import os
from pathlib import Path
from typing import Any

import pytest

from inviting_app import env
from tests.support.settings import CHECK, start

# Values for one start each: a new process for each of them would take a minute.
FOREIGN = [
    {"HOST": "tcp://10.0.0.5:80", "PORT": "tcp://10.96.0.1:443", "LANGUAGE": "fr"},
    {"HOST": "x86_64-conda-linux-gnu", "METRICS_PORT": "udp://10.96.0.2:9464", "LANGUAGE": "C"},
    {"HOST": "arm64-apple-darwin20.0.0", "LANGUAGE": "ru_RU:en"},
    {"HOST": "loongarch64-unknown-linux-gnu", "LANGUAGE": ":zh-Hans-CN"},
    {"HOST": os.uname().nodename, "LANGUAGE": "en_GB.UTF-8:de@euro"},
]
SHOWN = "import manage; from inviting_app import settings as s; print(s.HOST, s.PORT, s.METRICS_PORT, s.LANGUAGE_CODE)"


@pytest.mark.parametrize(
    "values",
    [*FOREIGN[:2], *(pytest.param(values, marks=pytest.mark.long) for values in FOREIGN[2:])],
    ids=[values["HOST"] for values in FOREIGN],
)
def test_values_of_other_programs_are_ignored_with_a_line_each(tmp_path: Path, values: dict[str, str]) -> None:
    checked = start(tmp_path, f"{CHECK}\n{SHOWN}", **values)

    assert checked.returncode == 0
    told = checked.stderr.splitlines()[: len(values)]
    for line, (name, value) in zip(told, values.items(), strict=True):
        assert line.startswith(f"{name}: the environment has {value!a:.60} from another program")
        assert checked.stderr.count(f"'{value}'") == 1
    assert checked.stdout.splitlines()[-1] == "127.0.0.1 8000 0 en"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOST", "tcp://10.0.0.5:80"),
        pytest.param("LANGUAGE", "fr", marks=pytest.mark.long),
        pytest.param("PORT", "tcp://a:1", marks=pytest.mark.long),
    ],
)
def test_value_of_the_file_takes_the_place_of_a_foreign_one_and_is_read_strictly(
    tmp_path: Path, name: str, value: str
) -> None:
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_text("HOST=127.0.0.2\nPORT=8002\nLANGUAGE=ru\n")
    wrong.write_text(f"{name}={value}\n")

    shown = start(tmp_path, SHOWN, **unset("HOST", "PORT", "LANGUAGE") | {"ENV_FILE": str(right), name: value})
    refused = start(tmp_path, ENV_FILE=str(wrong), **unset(name))

    assert shown.stdout.strip() == "127.0.0.2 8002 0 ru"
    assert refused.returncode == (name != "HOST")  # which may be any name


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("SMS_GATEWAY", "SMS_GATEWAYS"), ("SITEURL", "SITE_URL"), ("DATABASE_URI", "DATABASE_URL"),
        ("sms_gateways", "SMS_GATEWAYS"), ("TRUSTED_PROXY", "TRUSTED_PROXIES"),
    ],
)  # fmt: skip
def test_misspelt_name_in_the_file_is_told(tmp_path: Path, written: str, meant: str) -> None:
    assert env.misspelt({written}) == [f".env: {written} is not a setting. Did you mean {meant}?"]


def test_names_of_other_programs_in_the_file_are_not_told() -> None:
    others = {"POSTGRES_PASSWORD", "POSTGRES_USER", "COMPOSE_PROJECT_NAME", "DB_HOST", "TZ", "PGPASSWORD", "LOG_LEVEL"}

    assert env.misspelt(others) == []


def unset(*names: str) -> dict[str, Any]:
    return dict.fromkeys(names)
