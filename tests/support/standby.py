"""A standby of an embedded PostgreSQL: a server of its own that replays what the other one writes."""

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg

from inviting_app.ops.embedded import ENVIRONMENT, SUPERUSER, Embedded
from inviting_app.ops.programs import die_with_parent, programs_for, programs_of_wheel
from tests.support.service import service_folder

# How the standby names itself, for `synchronous_standby_names`.
NAME = "standby"


class Standby:
    """A running standby. It listens on a socket in `folder`."""

    def __init__(self, folder: str, process: subprocess.Popen[bytes]) -> None:
        self.folder, self.process = folder, process

    def at(self, database: str) -> dict[str, str]:
        """For `psycopg.connect`."""
        return {"host": self.folder, "port": "5432", "user": SUPERUSER, "dbname": database}


@contextmanager
def standby_of(primary: Embedded, **options: str) -> Iterator[Standby]:
    """A standby of this server until the end of the context, with these settings of PostgreSQL."""
    uid, gid = primary.places.account()
    programs = programs_for(programs_of_wheel(), primary.home)
    as_owner = {"user": uid, "group": gid, "extra_groups": [], "cwd": "/", "env": ENVIRONMENT}
    at = f"host={primary.places.socket_dir} port=5432 user={SUPERUSER} application_name={NAME}"
    with service_folder() as folder:
        shutil.chown(folder, uid, gid)
        copy = [programs / "pg_basebackup", "-D", folder / "cluster", "-d", at, "-R", "-X", "stream", "-c", "fast"]
        subprocess.run([*copy, "--no-sync"], check=True, **as_owner)
        given = {"listen_addresses": "", "unix_socket_directories": str(folder), "fsync": "off", **options}
        command = [
            programs / "postgres",
            "-D",
            folder / "cluster",
            *(f"--{name}={value}" for name, value in given.items()),
        ]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                command, stdout=log, stderr=log, preexec_fn=die_with_parent(signal.SIGQUIT), **as_owner
            )
        standby = Standby(str(folder), process)
        try:
            _wait_until_it_answers(standby)
            yield standby
        finally:
            process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGQUIT)
            process.wait(10)


def _wait_until_it_answers(standby: Standby) -> None:
    while standby.process.poll() is None:
        with suppress(psycopg.OperationalError):
            psycopg.connect(**standby.at("postgres")).close()
            return
        time.sleep(0.05)
    raise AssertionError("the standby has ended")
