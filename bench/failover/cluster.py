"""Three database hosts with etcd, Patroni and PostgreSQL, from the files of deploy/ha."""

import hashlib
import json
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import psycopg
import yaml
from django.conf import settings

from bench.env import say
from bench.failover.network import Host, make_bridge, run
from inviting_app.ops import system_user
from inviting_app.ops.programs import programs_for, programs_of_wheel

FILES = Path(settings.BASE_DIR, "deploy/ha")
INSTALLED = Path(settings.BASE_DIR, ".venv-failover")
HOSTS = [Host(f"db{number}", f"10.0.0.1{number}") for number in (1, 2, 3)]
START_SECONDS = 120.0
REST_SECONDS = 2.0


def install() -> None:
    """Install Patroni, unless it is installed already."""
    wanted = Path(__file__).with_name("requirements.txt")
    stamp = INSTALLED / hashlib.sha256(wanted.read_bytes()).hexdigest()
    if not stamp.exists():
        say(f"installing Patroni into {INSTALLED}")
        shutil.rmtree(INSTALLED, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", INSTALLED], check=True)
        python = INSTALLED / "bin/python"
        subprocess.run(
            [python, "-m", "pip", "install", "-q", "--no-deps", "--require-hashes", "-r", wanted], check=True
        )
        stamp.touch()


def adapted(name: str, changes: dict[str, str]) -> str:
    """A file of deploy/ha with other names, addresses and folders."""
    text = (FILES / name).read_text()
    for before, after in changes.items():
        assert before in text, f"{name} has no {before}"
        text = text.replace(before, after)
    return text


class Cluster:
    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self.folder = folder
        account = system_user.make()
        self.user = account.pw_uid, account.pw_gid
        self.programs = programs_for(programs_of_wheel(), folder)
        self.passwords: dict[str, str] = {}
        make_bridge()
        stack.callback(self._end)
        for host in HOSTS:
            host.join()
            self._configure(host)
            self.start(host)
        self.wait_until_whole()

    def start(self, host: Host) -> None:
        """Start etcd and Patroni on this host, as its system does after a boot."""
        self.start_etcd(host)
        at = self.folder / host.name
        command = INSTALLED / "bin/patroni", at / "patroni.yml"
        host.start(*command, log=at / "patroni.log", variables={"HOME": str(at)})

    def start_etcd(self, host: Host) -> None:
        at = self.folder / host.name
        lines = [line for line in (at / "etcd").read_text().splitlines() if line.startswith("ETCD_")]
        host.start("etcd", log=at / "etcd.log", variables=dict(line.split("=", 1) for line in lines))

    def move_etcd_leader(self) -> None:
        """What the crontab of each host does every minute."""
        for host in HOSTS:
            run("ip", "netns", "exec", host.name, "sh", self.folder / host.name / "etcd-elsewhere")

    def socket(self, host: Host) -> Path:
        """The folder of its PostgreSQL's socket, which is reached without the network."""
        return self.folder / host.name / "run"

    def members(self) -> list[dict[str, Any]]:
        """What Patroni says of the hosts, asked from the first one that answers."""
        for host in HOSTS:
            with suppress(OSError, ValueError):
                url = f"http://{host.address}:8008/cluster"
                with urllib.request.urlopen(url, timeout=REST_SECONDS) as answer:
                    members: list[dict[str, Any]] = json.loads(answer.read())["members"]
                    return members
        return []

    def primary(self) -> Host:
        [name] = [member["name"] for member in self.members() if member["role"] == "leader"]
        return next(host for host in HOSTS if host.name == name)

    def standby(self) -> Host:
        """One of those of which a commit waits for one."""
        names = [member["name"] for member in self.members() if member["role"] == "quorum_standby"]
        return next(host for host in HOSTS if host.name in names)

    def is_whole(self) -> bool:
        """Whether one host is the primary and both others have all that it acknowledges."""
        members = self.members()
        roles = sorted(member["role"] for member in members)
        states = sorted(member["state"] for member in members)
        return (
            roles == ["leader", "quorum_standby", "quorum_standby"]
            and states == ["running", "streaming", "streaming"]
            and len({member.get("timeline") for member in members}) == 1
        )

    def wait_until_whole(self) -> None:
        self.wait_for(self.is_whole)

    def wait_for(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not condition():
            assert time.monotonic() < deadline, self.members()
            time.sleep(0.2)

    def connect(self, database: str = "postgres", host: Host | None = None) -> psycopg.Connection[Any]:
        """A connection of the superuser to the primary, or to the server of this host by its socket."""
        return psycopg.connect(
            host=str(self.socket(host)) if host else ",".join(host.address for host in HOSTS),
            user="postgres",
            password=self.passwords["superuser"],
            dbname=database,
            target_session_attrs="any" if host else "read-write",
            connect_timeout=2,
            autocommit=True,
            application_name="drill",
        )

    def patronictl(self, *arguments: str) -> str:
        return run(INSTALLED / "bin/patronictl", "-c", self.folder / HOSTS[0].name / "patroni.yml", *arguments)

    def _configure(self, host: Host) -> None:
        at = self.folder / host.name
        own = {f"{HOSTS[0].address}:{port}": f"{host.address}:{port}" for port in (2379, 2380)}
        for folder in ("etcd.data", "run"):
            self.own(at / folder)
        etcd = adapted("etcd", {"/var/lib/etcd/inviting_app": f"{at}/etcd.data"})
        # The list of all members stays.
        lines = [line if "CLUSTER" in line else _replaced(line, own) for line in etcd.splitlines()]
        (at / "etcd").write_text("\n".join(lines).replace("ETCD_NAME=db1", f"ETCD_NAME={host.name}"))
        (at / "etcd-elsewhere").write_text(adapted("etcd-elsewhere", {HOSTS[0].address: host.address}))
        patroni = adapted(
            "patroni.yml",
            {
                "\nname: db1": f"\nname: {host.name}",
                f"connect_address: {HOSTS[0].address}": f"connect_address: {host.address}",
                "/var/lib/postgresql/inviting_app": f"{at}/pg",
                "/usr/lib/postgresql/18/bin": str(self.programs),
                "/var/run/postgresql": f"{at}/run",
                "/dev/watchdog": f"{at}/no-watchdog",
            },
        )
        (at / "patroni.yml").write_text(patroni)
        (at / "pg").parent.chmod(0o755)
        accounts = yaml.safe_load(patroni)["postgresql"]["authentication"]
        self.passwords = {name: account["password"] for name, account in accounts.items()}

    def own_file(self, file: Path) -> None:
        shutil.chown(file, *self.user)

    def own(self, folder: Path) -> None:
        """Make a folder that belongs to the user of the servers, as its parent does."""
        folder.mkdir(parents=True, exist_ok=True)
        for each in (folder, folder.parent):
            shutil.chown(each, *self.user)
        folder.chmod(0o700)

    def _end(self) -> None:
        for host in HOSTS:
            host.signal(signal.SIGKILL)


def _replaced(line: str, changes: dict[str, str]) -> str:
    for before, after in changes.items():
        line = line.replace(before, after)
    return line
