"""`docs/verify.py`, run as a sceptic runs it."""

import subprocess
import sys
from pathlib import Path

from django.conf import settings

COMMAND = [sys.executable, "-I", str(settings.BASE_DIR / "docs" / "verify.py")]


def checked(folder: Path, content: bytes, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What it says of a file with this content."""
    file = folder / "results of a vote.csv"
    file.write_bytes(content)
    return subprocess.run([*COMMAND, str(file), *arguments], capture_output=True, text=True)
