"""What make and pytest say about what was given to them."""

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings

from api.examples import REQUESTS
from inviting_app.management.commands import serve
from tests.conftest import pytest_configure


@pytest.mark.parametrize(
    ("given", "shown"), [(["VENV=/srv/venv"], "make admin VENV=/srv/venv PHONE="), ([], "make admin PHONE=")]
)
def test_example_of_make_admin_has_the_environment_that_was_given(given: list[str], shown: str) -> None:
    command = ["make", "-n", "admin", f"PYTHON={sys.executable}", *given]
    # What `make test VENV=…` was given reaches this make through the environment too.
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "VENV")}

    printed = subprocess.run(
        command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=True
    ).stdout

    assert shown in printed


@pytest.mark.parametrize(
    ("venv", "shown"), [(sys.prefix, f" VENV={sys.prefix}"), ("", ""), (".venv", ""), ("of another program", "")]
)
def test_hint_at_the_start_has_the_environment_that_was_given(
    monkeypatch: pytest.MonkeyPatch, venv: str, shown: str
) -> None:
    monkeypatch.setenv("VENV", venv)

    assert serve.other_venv() == shown


@pytest.mark.parametrize("given", [None, "/srv/data"])
def test_hint_at_the_start_has_the_folder_only_if_the_file_has_not(
    settings: Any, monkeypatch: pytest.MonkeyPatch, given: str | None
) -> None:
    settings.DATA_DIR, settings.DEMO = Path("/srv/data"), False
    monkeypatch.delenv("DATA_DIR", raising=False)
    if given:
        monkeypatch.setenv("DATA_DIR", given)

    assert ("(DATA_DIR=/srv/data make admin" if given else "(make admin") in serve.banner()


@pytest.mark.parametrize(("folder", "shown"), [(".data", "Set SMS_GATEWAYS"), (".demo", "use `make run`")])
def test_demo_mode_says_how_sms_are_sent(settings: Any, folder: str, shown: str) -> None:
    """`make demo` ignores SMS_GATEWAYS."""
    settings.DATA_DIR, settings.DEMO = Path("/srv") / folder, True

    assert shown in serve.banner().rpartition("the response contains the code.")[2]


def test_example_of_a_superuser_is_another_than_that_of_a_user() -> None:
    """Whoever tries both examples would sign up as the superuser."""
    texts = [serve.banner(), *((settings.BASE_DIR / name).read_text() for name in ("README.md", "Makefile"))]

    found = {phone for text in texts for phone in re.findall(r"make admin.* PHONE=(\d+)", text)}

    assert len(found) == 1 and REQUESTS["signup"]["phone"] not in found
    assert all("makes a superuser)" in text for text in texts[:2])


# A recipe that runs Python as the others do.
RECIPE = """
seen:
	@echo "import json, sys; print(json.__file__, sys.flags.optimize, sys.flags.inspect)" > '$(FILE)'
	@$(PYTHON) '$(FILE)' </dev/null
"""


@pytest.mark.parametrize(
    "variable",
    ["PYTHONHOME=/nonexistent", "PYTHONPATH={folder}", "PYTHONPLATLIBDIR=lib64", "PYTHONINSPECT=1", "PYTHONOPTIMIZE=2"],
)
def test_variable_of_another_program_does_not_reach_python(tmp_path: Path, variable: str) -> None:
    name, value = variable.format(folder=tmp_path).split("=")
    (tmp_path / "json.py").write_text("raise SystemExit('another json')")
    (tmp_path / "more.mk").write_text(RECIPE)
    script = tmp_path.with_suffix(".py")
    command = ["make", "--no-print-directory", "-f", "Makefile", "-f", tmp_path / "more.mk", f"FILE={script}", "seen"]
    environment = {other: text for other, text in os.environ.items() if other not in ("MAKEFLAGS", "VENV")}

    done = subprocess.run(
        command, cwd=settings.BASE_DIR, env={**environment, name: value}, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    assert str(tmp_path) not in done.stdout
    assert done.stdout.split()[1:] == ["0", "0"]


def test_path_of_a_test_that_does_not_exist_is_named() -> None:
    config: Any = SimpleNamespace(
        args=["tests/ops/test_hints.py::test_x", "tests/nope.py"],
        invocation_params=SimpleNamespace(dir=Path(settings.BASE_DIR)),
    )

    with pytest.raises(pytest.UsageError, match=r"not found: tests/nope\.py"):
        pytest_configure(config)
