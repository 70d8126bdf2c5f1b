"""The settings as a new process reads them."""

import os
import subprocess
import sys
from pathlib import Path

from django.conf import settings as site

from tests.support.environment import NAMES

CHECK = "import sys, manage; sys.argv = ['manage.py', 'check']; manage.main()"


def start(folder: Path, code: str = CHECK, **variables: str | None) -> subprocess.CompletedProcess[str]:
    given = {**dict.fromkeys(NAMES, ""), "PATH": os.environ["PATH"], "DATA_DIR": str(folder), **variables}
    clean = {name: value for name, value in given.items() if value is not None}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=site.BASE_DIR, env=clean, capture_output=True, text=True, check=False
    )
