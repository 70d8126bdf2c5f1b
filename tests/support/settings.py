"""The settings as a new process reads them."""

import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site

from inviting_app import env
from tests.support.environment import NAMES

CHECK = "import sys, manage; sys.argv = ['manage.py', 'check']; manage.main()"


def start(folder: Path, code: str = CHECK, **variables: str | None) -> subprocess.CompletedProcess[str]:
    given = {**dict.fromkeys(NAMES, ""), "PATH": os.environ["PATH"], "DATA_DIR": str(folder), **variables}
    clean = {name: value for name, value in given.items() if value is not None}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=site.BASE_DIR, env=clean, capture_output=True, text=True, check=False
    )


def read(monkeypatch: pytest.MonkeyPatch, **variables: str) -> dict[str, Any]:
    """The settings of env.py without a process, which takes long: gunicorn's master process reads them like this."""
    monkeypatch.setattr(os, "environ", {**dict.fromkeys(NAMES, ""), **variables})
    return runpy.run_path(env.__file__)
