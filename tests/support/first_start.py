"""First starts of the embedded PostgreSQL in processes of their own, on a machine that has never seen the service."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from inviting_app.ops import system_user
from tests.support.own_network import skip_unless_possible

# Starts PostgreSQL for the folder that is its argument, as a command of manage.py does, and uses it.
PROGRAM = """
import os, sys
from pathlib import Path
from django.db import connection
from inviting_app import env
from inviting_app.ops import data_dir, places
from inviting_app.ops.embedded import Embedded
data_dir.make(env.DATA_DIR, with_key=True)
places.choose(env.DATA_DIR)
with Embedded(env.DATA_DIR).running():
    with connection.cursor() as cursor:
        cursor.execute("SELECT 6 * 7, current_setting('server_version')")
        print(*cursor.fetchone())
"""
# A private view of the machine: /etc without the system user, an empty /var/lib, and nothing that outlives the command.
VIEW = """
set -e
work=$1; shift
mount -t tmpfs tmpfs "$work"
mkdir "$work/etc" "$work/etc.work" "$work/lib"
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$work/etc,workdir=$work/etc.work" /etc
sed -i /^inviting_app:/d /etc/passwd /etc/shadow /etc/group /etc/gshadow
mount --bind "$work/lib" /var/lib
exec "$@"
"""
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a private view of the machine")

NEEDED = [settings.BASE_DIR, Path(sys.executable), Path(sys.executable).resolve()]
# A plain user, and the words that run a command as this user, without groups.
NOBODY = 65534
PLAIN = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
by_plain_user = pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(system_user.is_open, NEEDED)),
    reason="only root can become a plain user, who must be able to reach the project",
)


def environment(data: Path, **variables: str | None) -> dict[str, str]:
    """Few variables, the given ones among them."""
    given = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "inviting_app.settings", "DATA_DIR": str(data)}
    given |= {"PYTHONPATH": str(settings.BASE_DIR), "ENV_FILE": os.devnull}
    return {name: value for name, value in {**given, **variables}.items() if value is not None}


def started(data: Path, *before: str, program: str = PROGRAM, **variables: str | None) -> subprocess.Popen[str]:
    """A first start, by the command that the words `before` begin with."""
    return subprocess.Popen(
        [*before, sys.executable, "-c", program],
        cwd="/",
        env=environment(data, **variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answers(*starts: subprocess.Popen[str]) -> list[str]:
    """What each start read from its PostgreSQL: 42, if nothing went wrong."""
    ended = [(start.communicate(timeout=120), start.returncode) for start in starts]
    assert [error for (_, error), status in ended if status] == []
    return [output.split()[0] for (output, _), _ in ended]


def in_private_view(work: Path, *command: str) -> list[str]:
    """The words that run this command in a private view. Skips the test where the machine does not allow one."""
    view = ["unshare", "--mount", "--propagation", "private", "sh", "-c", VIEW, "view", str(work)]
    work.mkdir(exist_ok=True)
    skip_unless_possible("a private view of this machine", [*view, "true"])
    return [*view, *command]
