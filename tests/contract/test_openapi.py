"""The OpenAPI document against the running service: Schemathesis, two linters and two generated clients.

What is made of Node.js runs where `npm ci --prefix tests/contract/clients` has been run. With CI set, it must run.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from tests.support.environment import NAMES, THOROUGH
from tests.support.service import Service, prepared_folder, services

pytestmark = pytest.mark.contract

CLIENTS = Path(__file__).parent / "clients"
MODULES = CLIENTS / "node_modules"
BIN = Path(sys.executable).parent
OPERATOR = "9993330003"


def run(*command: str | Path, cwd: Path = settings.BASE_DIR, typed: str = "", **variables: str) -> str:
    """The output of the command, which must succeed."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, **dict.fromkeys(NAMES, ""), **variables},
        input=typed,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with prepared_folder() as folder, services(folder) as start:
        started = start()
        started.wait_until_ready()
        yield started


@pytest.fixture(scope="module")
def site(service: Service) -> str:
    return f"http://localhost:{service.port}"


@pytest.fixture(scope="module")
def document(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("document") / "openapi.json"
    path.write_text(json.dumps(service.call("/schema?format=json")))
    return path


@pytest.fixture(scope="module")
def node() -> Path:
    """The programs of `tests/contract/clients/package.json`."""
    if os.environ.get("CI"):
        if not MODULES.exists():
            run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=CLIENTS)
    elif not MODULES.exists() or not shutil.which("node"):
        pytest.skip("needs Node.js and `npm ci --prefix tests/contract/clients`")
    return MODULES / ".bin"


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
        *(("--max-examples", "100") if THOROUGH else ("--max-examples", "10", "--phases", "examples,fuzzing,stateful")),
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


def test_redocly_finds_nothing(node: Path, document: Path) -> None:
    said = run(node / "redocly", "lint", document, "--config", CLIENTS / "redocly.yaml", "--format", "json")

    totals = json.loads(said[said.index("{") : said.rindex("}") + 1])["totals"]
    assert totals == {"errors": 0, "warnings": 0, "ignored": 0}


def test_spectral_finds_nothing(node: Path, document: Path) -> None:
    run(node / "spectral", "lint", document, "--ruleset", CLIENTS / "spectral.yaml", "--fail-severity", "hint")


def test_generated_typescript_client_compiles_and_does_the_main_flow(
    node: Path, document: Path, site: str, tmp_path: Path
) -> None:
    (tmp_path / "node_modules").symlink_to(MODULES)
    for name in ("package.json", "tsconfig.json", "flow.ts"):
        shutil.copy(CLIENTS / name, tmp_path)

    run(node / "openapi-typescript", document, "-o", tmp_path / "api.d.ts", cwd=tmp_path)
    run(node / "tsc", cwd=tmp_path)

    run("node", "built/flow.js", site, "9993330011", "9993330012", cwd=tmp_path)


def test_generated_python_client_compiles_and_does_the_main_flow(document: Path, site: str, tmp_path: Path) -> None:
    shutil.copy(CLIENTS / "flow.py", tmp_path)
    config = CLIENTS / "openapi-python-client.yaml"

    run(
        BIN / "openapi-python-client",
        *("generate", "--path", document, "--config", config, "--meta", "none"),
        *("--output-path", tmp_path / "client", "--fail-on-warning"),
    )
    run(BIN / "mypy", "--strict", "--config-file=", "flow.py", cwd=tmp_path)

    run(sys.executable, "-W", "error", "flow.py", site, "9993330021", "9993330022", cwd=tmp_path)
