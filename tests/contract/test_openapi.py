"""The OpenAPI document against the running service: Schemathesis and two linters."""

import json
import sys
from pathlib import Path

import pytest

from tests.contract.commands import BIN, CLIENTS, run
from tests.support.service import Service

pytestmark = pytest.mark.contract

OPERATOR = "9993330003"


@pytest.mark.long
def test_schemathesis_finds_nothing(service: Service, site: str, tmp_path: Path) -> None:
    make_operator(service)
    tokens = {name: service.sign_in(phone)["token"] for name, phone in (("alice", "9993330001"), ("bob", "9993330002"))}
    people = [
        {"name": name, "fixedHeaders": [{"name": "Authorization", "value": f"Bearer {token}"}]}
        for name, token in tokens.items()
    ]
    (tmp_path / "people.json").write_text(json.dumps({"auth": people}))

    run(
        BIN / "schemathesis",
        *("--config-file", "tests/contract/schemathesis.toml", "run", f"{site}/schema", "--no-color"),
        *("--max-examples", "100"),
        SITE_URL=site,
        AUTH_FILE=str(tmp_path / "people.json"),
        OPERATOR_TOKEN=service.sign_in(OPERATOR)["token"],
    )


def make_operator(service: Service) -> None:
    run(
        *(sys.executable, "manage.py", "createsuperuser", OPERATOR),
        typed="correct horse battery staple\n",
        PORT=str(service.port),
        DATA_DIR=str(service.log.parent / "data"),
    )


@pytest.mark.long
def test_redocly_finds_nothing(node: Path, document: Path) -> None:
    said = run(node / "redocly", "lint", document, "--config", CLIENTS / "redocly.yaml", "--format", "json")

    totals = json.loads(said[said.index("{") : said.rindex("}") + 1])["totals"]
    assert totals == {"errors": 0, "warnings": 0, "ignored": 0}


@pytest.mark.long
def test_spectral_finds_nothing(node: Path, document: Path) -> None:
    run(node / "spectral", "lint", document, "--ruleset", CLIENTS / "spectral.yaml", "--fail-severity", "hint")
