"""Programs that generate, check and run clients."""

import os
import subprocess
import sys
from pathlib import Path

from django.conf import settings

from tests.support.environment import NAMES

CLIENTS = Path(__file__).parent / "clients"
# The clients that the project offers.
OFFICIAL = Path(settings.BASE_DIR) / "clients"
MODULES = CLIENTS / "node_modules"
BIN = Path(sys.executable).parent


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
