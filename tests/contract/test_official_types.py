"""The clients in `clients` are of this version, and their types are those of the recorded OpenAPI document."""

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import inviting_app
from tests.contract.commands import CLIENTS, OFFICIAL, run


def package(folder: Path) -> Any:
    return json.loads((folder / "package.json").read_text())


def test_python_client_is_of_the_recorded_document() -> None:
    run(sys.executable, OFFICIAL / "generate.py", "--check", "python")


@pytest.mark.long
def test_typescript_client_is_of_the_recorded_document(node: Path) -> None:
    run(sys.executable, OFFICIAL / "generate.py", "--check", "typescript")


def test_clients_have_the_version_of_the_service() -> None:
    project = tomllib.loads((OFFICIAL / "python" / "pyproject.toml").read_text())["project"]

    assert package(OFFICIAL / "typescript")["version"] == project["version"] == inviting_app.__version__


def test_typescript_client_is_tested_with_the_packages_that_it_names() -> None:
    named, tested = package(OFFICIAL / "typescript"), package(CLIENTS)["devDependencies"]

    assert {**tested, **named["dependencies"], **named["devDependencies"]} == tested
