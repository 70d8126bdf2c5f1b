"""The files of the containers, as far as they can be judged without building an image."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from inviting_app.env import BASE_DIR

VARIABLE = re.compile(r"^(?P<comment># )?(?P<name>[A-Z][A-Z_]+)=(?P<value>.*)$", re.MULTILINE)
COMPOSE_ONLY = {"POSTGRES_PASSWORD"}
MUST_BE_SET = {"SECRET_KEY", "POSTGRES_PASSWORD"}


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


def test_compose_asks_for_no_variable_that_env_example_does_not_explain() -> None:
    asked = set(re.findall(r"\$\{([A-Z_]+)", text("docker-compose.yml")))

    assert MUST_BE_SET <= asked <= {match["name"] for match in example()}


def test_compose_file_follows_the_compose_specification() -> None:
    file = here("docker-compose.yml")

    checked = run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", file)

    assert checked.returncode == 0, checked.stdout


def test_dockerfile_has_no_lint() -> None:
    file = here("Dockerfile")

    checked = run("hadolint", file)

    assert checked.returncode == 0, checked.stdout


def test_what_git_ignores_is_kept_out_of_the_image_too() -> None:
    ignored = {line.strip("/") for line in text(".gitignore").splitlines()}

    kept_out = text(".dockerignore").splitlines()

    assert {f"**/{name}" for name in {".git", *ignored}} <= set(kept_out)


def example() -> list[re.Match[str]]:
    return list(VARIABLE.finditer(text(".env.example")))


def text(name: str) -> str:
    return here(name).read_text()


def here(name: str) -> Path:
    path = BASE_DIR / name
    if not path.exists():
        pytest.skip(f"{name} is not in this copy of the project")
    return path


def run(tool: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / tool
    if not program.exists():
        pytest.skip(f"{tool} is not installed beside Python")
    return subprocess.run(
        [program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60
    )


def settings_with(variables: dict[str, str]) -> dict[str, Any]:
    """What `environment` makes of these variables and no others, in a process of its own."""
    program = (
        "import json\n"
        "from inviting_app import env as read\n"
        "print(json.dumps({name: str(value) for name, value in vars(read).items() if name.isupper()}))"
    )
    # With these two it makes no folder and no key.
    given = {**variables, "SECRET_KEY": "a key", "DATABASE_URL": "postgresql://db/name"}
    made = subprocess.run(
        [sys.executable, "-c", program], cwd=BASE_DIR, env=given, capture_output=True, text=True, timeout=60
    )
    assert made.returncode == 0, made.stderr
    return json.loads(made.stdout)
