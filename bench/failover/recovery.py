"""Votes are deleted by mistake, and brought back from the archive as they were in the second before.

Meanwhile the primary has changed, and the archive's host has no folder of a database host. The commands of Barman and
PostgreSQL are those of docs/operations.md.
"""

import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings

from bench import dataset
from bench.env import say
from bench.failover.cluster import HOSTS, INSTALLED, Cluster, adapted
from bench.failover.env import FailoverEnv
from bench.failover.network import PLAIN_USER, spawn
from bench.failover.ways import DATABASE, HAPROXY
from tests.support.proxies import wait_until_listening

SERVER = "inviting_app"
RESTORED = f"{DATABASE}_restored"
RECOVERED_PORT = 5433
COPY = "copy of all data (barman backup), once a week"
ERASED = "+79970000001"

_VOTES = "SELECT invitee_id, inviter_id, created_at FROM profiles_activation ORDER BY 1"
_WRONG_COUNTS = """
SELECT count(*) FROM profiles_profile p
 WHERE invitations_count <> (SELECT count(*) FROM profiles_activation a WHERE a.inviter_id = p.user_id)
"""
_MISTAKE = """
WITH deleted AS (DELETE FROM profiles_activation WHERE invitee_id % 2 = 0 RETURNING inviter_id),
     lost AS (SELECT inviter_id, count(*) AS votes FROM deleted GROUP BY inviter_id)
UPDATE profiles_profile SET invitations_count = invitations_count - votes FROM lost WHERE user_id = inviter_id
"""


def documented(program: str) -> list[str]:
    """The words of the command in docs/operations.md that begins with this."""
    lines = Path(settings.BASE_DIR, "docs/operations.md").read_text().replace("\\\n", " ").splitlines()
    [line] = [line for line in lines if line.startswith(program)]
    return shlex.split(line, comments=True)


@dataclass
class Recovery:
    """The archive of a cluster, and how long each step takes."""

    cluster: Cluster
    took: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.home = self.cluster.folder / "barman"
        self.cluster.own(self.home)
        text = adapted(
            "barman.conf",
            {
                "/var/lib/barman": str(self.home),
                "/var/log/barman": str(self.home),
                "/usr/lib/postgresql/18/bin": str(self.cluster.programs),
            },
        ).replace("barman_user = barman", f"barman_user = {PLAIN_USER[1].partition('=')[2]}")
        (self.home / "barman.conf").write_text(text)
        # What the comments of the file say.
        passwords = self.home / ".pgpass"
        passwords.write_text("\n".join(re.findall(r"^; +(\*:.*)$", text, re.MULTILINE)) + "\n")
        passwords.chmod(0o600)
        for path in (passwords, self.home / "barman.conf"):
            self.cluster.own_file(path)
        with self.cluster.connect() as superuser:
            for statement in re.findall(r"^; +((?:CREATE|GRANT) .*;)$", text, re.MULTILINE):
                superuser.execute(statement.encode())

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        say(name)
        began = time.monotonic()
        yield
        self.took[name] = time.monotonic() - began

    def barman(self, *arguments: str) -> None:
        self._run(*PLAIN_USER, INSTALLED / "bin/barman", "-c", self.home / "barman.conf", *arguments)

    def manage(self, *arguments: str | Path, **variables: str) -> str:
        return self._run(sys.executable, "manage.py", *arguments, SECRET_KEY=settings.SECRET_KEY, **variables)

    def documented(self, program: str) -> list[str]:
        """The arguments of a documented command, in this archive's folder."""
        return [word.replace("/var/lib/barman", str(self.home)) for word in documented(program)[1:]]

    @contextmanager
    def server(self) -> Iterator[None]:
        """The recovered server, on this host. Nothing confirms its commits. It sees no folder of the other hosts."""
        hidden = "".join(f"mount -t tmpfs tmpfs {self.cluster.folder}/{host.name} && " for host in HOSTS)
        apart = ["unshare", "--mount", "bash", "-c", f'{hidden}exec "$@"', "-"]
        server = [str(self.cluster.programs / "postgres"), *self.documented("/usr/lib/postgresql/18/bin/postgres")]
        log = self.home / "recovered.log"
        process = spawn([*apart, *PLAIN_USER, *server], log)
        try:
            wait_until_listening(process, RECOVERED_PORT, log)
            yield
        finally:
            process.terminate()
            process.wait()

    def _run(self, *command: str | Path, **variables: str) -> str:
        environment = {"HOME": str(self.home), "PATH": f"{INSTALLED}/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            command, cwd=settings.BASE_DIR, env=environment | variables, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout


def run(cluster: Cluster, people: int) -> tuple[str, bool]:
    """The whole drill. Returns its table, and whether all came back."""
    with ExitStack() as stack:
        on = FailoverEnv(stack, cluster, "haproxy")
        dataset.fill(on.database, people)
        archive = Recovery(cluster)
        archive.barman("cron")
        archive.barman("switch-wal", "--force", "--archive", SERVER)
        with archive.step(COPY):
            archive.barman("backup", SERVER, "--wait")
        cluster.patronictl("switchover", "--leader", cluster.primary().name, "--force")
        cluster.wait_until_whole()
        on.database = on.connect()  # the former primary has ended the one before
        archive.barman("cron")
        with on.load():
            on.over()
        to_be_erased = _vote(on)
        votes = on.rows(_VOTES)
        moment = on.one("SELECT clock_timestamp()::text")
        on.database.execute(_MISTAKE)
        say(f"deleted {len(votes) - len(on.rows(_VOTES)):,} votes")
        answer = on.client().call("DELETE", "/api/v1/profiles/me", token=to_be_erased)
        assert answer.status == 204, answer
        urls = on.urls
        erasures = cluster.folder / "erasures.txt"
        erasures.write_text(archive.manage("erasures", **urls))
        _recover(archive, moment, urls, erasures)
        return _compared(archive, votes, people)


def _recover(archive: Recovery, moment: str, urls: dict[str, str], erasures: Path) -> None:
    dump = archive.cluster.folder / "recovered.backup"
    recover = [moment if word.startswith("20") else word for word in archive.documented("barman recover")]
    with archive.step("the newest log to the archive (barman switch-wal)"):
        archive.barman("switch-wal", "--force", "--archive", SERVER)
    with archive.step("files of that moment (barman recover)"):
        archive.barman(*recover)
    recovered = {name: url.replace(HAPROXY, f"127.0.0.1:{RECOVERED_PORT}") for name, url in urls.items()}
    with ExitStack() as servers:
        with archive.step("the log up to that moment (PostgreSQL's recovery)"):
            servers.enter_context(archive.server())
            _wait_for_promotion(archive.cluster)
        with archive.step("manage.py backup from it"):
            archive.manage("backup", dump, **recovered)
    with archive.cluster.connect() as superuser:
        superuser.execute(f"CREATE DATABASE {RESTORED}".encode())
        password = superuser.info.password
    restored = {name: f"{url}_restored" for name, url in urls.items()}
    with archive.step("manage.py restore into the cluster, erasures repeated"):
        archive.manage("create_roles", f"postgresql://postgres:{password}@{HAPROXY}/{RESTORED}", **restored)
        archive.manage("restore", dump, "--erasures", erasures, **restored)


def _vote(on: FailoverEnv) -> str:
    """Somebody votes. Returns their token."""
    client = on.client()
    issued = client.sign_up(ERASED)
    [sms] = on.inboxes.wait(ERASED)
    token: str = client.log_in(issued, sms.code).body["token"]
    answer = client.activate(token, dataset.invite_code(dataset.CELEBRITY))
    assert answer.status == 200, answer
    return token


def _wait_for_promotion(cluster: Cluster) -> None:
    def is_promoted() -> bool:
        at = {"host": "127.0.0.1", "port": RECOVERED_PORT, "user": "postgres", "dbname": DATABASE}
        try:
            with psycopg.connect(**at, password=cluster.passwords["superuser"]) as session:  # type: ignore[arg-type]
                return session.execute("SELECT NOT pg_is_in_recovery()").fetchone() == (True,)
        except psycopg.OperationalError:
            return False

    cluster.wait_for(is_promoted)


def _compared(archive: Recovery, votes: list[Any], people: int) -> tuple[str, bool]:
    with archive.cluster.connect(RESTORED) as session:
        back = session.execute(_VOTES).fetchall()
        [wrong] = session.execute(_WRONG_COUNTS).fetchone() or [None]
        [erased] = session.execute("SELECT count(*) FROM users_user WHERE erased_at IS NOT NULL").fetchone() or [None]
        left = session.execute("SELECT 1 FROM users_user WHERE phone = %s", [ERASED]).fetchone()
    lost = set(votes) - set(back)
    # The vote of the one who was erased meanwhile is gone again.
    held = len(lost) == 1 and set(back) < set(votes) and (wrong, erased, left) == (0, 1, None)
    steps = [f"| {name} | {seconds:.0f} |" for name, seconds in archive.took.items()]
    total = sum(archive.took.values()) - archive.took[COPY]
    lines = [
        f"{people:,} people. Deleted votes were brought back to the second before: {len(back):,} of {len(votes):,} are "
        f"there, without that of the user who was erased since. Wrong counts: {wrong}. Erased again: {erased}.",
        "",
        "| Step | Seconds |",
        "|---|---|",
        *steps,
        f"| **all but the copy: until the service can use the restored database** | **{total:.0f}** |",
    ]
    return "\n".join(lines), held
