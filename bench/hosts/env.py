"""The service on several hosts: PostgreSQL and PgBouncer on one, web and worker on two, HAProxy in front of them.

It is an `AttackEnv`, so the attacks run against it too. All their requests go through the proxy.
"""

import http.client
import os
import secrets
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from itertools import cycle
from pathlib import Path

import psycopg

from bench import fake_gateway
from bench.attacks.env import BASE, AttackEnv
from bench.clients import ATTACKERS, OWNERS, Client, addresses
from bench.fake_gateway import Inboxes
from bench.hosts import postgres
from bench.hosts.network import DATABASE, PROXY, WEB_HOSTS, Host, Network, Process, network
from inviting_app.ops.data_dir import make_open
from inviting_app.ops.embedded import Embedded
from inviting_app.ops.system_user import USER
from tests.support.environment import NAMES
from tests.support.service import free_port, service_folder

START_SECONDS = 60.0
POOLER_PORT, WEB_PORT = 6432, 8080
# The addresses of those who are neither attackers nor their victims.
USERS = "127.88.0.0/16"

PREPARE = """
CREATE ROLE inviting_app LOGIN PASSWORD '{password}';
ALTER DATABASE inviting_app OWNER TO inviting_app;
ALTER ROLE inviting_app SET lock_timeout = '2s'
"""


class Hosts(AttackEnv):
    def __init__(self, stack: ExitStack, logs: Path | None = None) -> None:
        self.stack = stack
        self.folder = stack.enter_context(service_folder())
        self.logs = logs or self.folder
        self.logs.mkdir(exist_ok=True)
        self.network: Network = stack.enter_context(network())
        self.inboxes = Inboxes()
        self.gateways = [stack.enter_context(fake_gateway.running(self.inboxes, PROXY)) for _ in range(2)]
        self.secret_key, password = secrets.token_urlsafe(50), secrets.token_urlsafe(20)
        self._start_database(password)
        way = f"postgresql://inviting_app:{password}@{DATABASE}"
        os.environ["DJANGO_SETTINGS_MODULE"] = "inviting_app.settings"
        self.environment = {**os.environ, **dict.fromkeys(NAMES, "")} | {
            "DATABASE_URL": f"{way}:{POOLER_PORT}/inviting_app?prepare=off",
            "WORKER_DATABASE_URL": f"{way}:{postgres.PORT}/inviting_app",
            "DATA_DIR": str(self.folder / "data"),
            "SECRET_KEY": self.secret_key,
            "SITE_URL": "http://localhost",
            "TRUSTED_PROXIES": "1",
            "SMS_GATEWAYS": ",".join(one.url for one in self.gateways),
            "LOGIN_SEND_GAPS": "1,3600",  # as the attacks expect
        }
        direct = {"DATABASE_URL": self.environment["WORKER_DATABASE_URL"]}
        self._manage("migrate", "-v0", "--noinput", **direct)
        self._manage("collectstatic", "-v0", "--noinput")
        self.workers: dict[Host, Process] = {}
        self.servers: dict[Host, Process] = {}
        for host in self.network.web:
            self._start_web(host)
            self._start_worker(host)
        port = self._start_proxy()
        self.ports = cycle((port,))
        self._addresses = {each: addresses(each) for each in (ATTACKERS, OWNERS, USERS)}
        for host in self.network.web:
            _wait(lambda host=host: self.answers(host), f"web server of {host.name}")  # type: ignore[misc]
        _wait(lambda: set(self.seen_by_proxy()) == {"UP"}, "proxy")

    def user(self) -> Client:
        """A client with a new address."""
        return Client(next(self._addresses[USERS]), self.ports)

    def answers(self, host: Host) -> bool:
        """Whether its web server is ready."""
        peer = http.client.HTTPConnection(host.address, WEB_PORT, timeout=1)
        with suppress(OSError, http.client.HTTPException), closing(peer):
            peer.request("GET", "/readyz", headers={"Host": "localhost"})
            return peer.getresponse().status == 200
        return False

    def seen_by_proxy(self) -> list[str]:
        """The state of each web host at the proxy: UP, or anything else."""
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self.state_port}/;csv", timeout=5) as answer:
            lines = [line.split(",") for line in answer.read().decode().splitlines()]
            return [line[17] for line in lines if line[0] == "web" and line[1].startswith("web")]
        return []

    def restart_workers(self) -> None:
        """Start again those that have ended, as systemd does. Without its database a worker ends."""
        for host, worker in self.workers.items():
            if worker.poll() is not None:
                self._start_worker(host)

    def restart_second(self) -> None:
        host = self.network.web[1]
        self.servers[host].terminate()
        self.servers[host].wait(10)
        self._start_web(host)
        _wait(lambda: self.answers(host), "second web server")

    def _start_database(self, password: str) -> None:
        data = self.folder / "database"
        make_open(data)
        host = self.network.database
        self._start(host, [sys.executable, "-m", "bench.hosts.postgres", data])
        at = Embedded(data).settings()
        where = {"dbname": at["NAME"], "user": at["USER"], "host": at["HOST"]}
        _wait(lambda: _connects(where), "PostgreSQL")
        self.database = self.stack.enter_context(psycopg.connect(**where, autocommit=True))
        for statement in PREPARE.format(password=password).split(";\n"):
            self.database.execute(statement.encode())
        users, settings = self.folder / "users.txt", self.folder / "pgbouncer.ini"
        users.write_text(f'"inviting_app" "{password}"\n')
        template = (Path(__file__).parent / "pgbouncer.ini").read_text()
        settings.write_text(
            template.format(database=DATABASE, port=postgres.PORT, pooler_port=POOLER_PORT, users=users)
        )
        for path in (users, settings):
            path.chmod(0o600)
            shutil.chown(path, USER)
        self._start(host, ["pgbouncer", "-u", USER, settings])

    def _start_web(self, host: Host) -> None:
        self.servers[host] = self._start(
            host, [sys.executable, "-m", "gunicorn", "-c", "inviting_app/ops/gunicorn_conf.py"]
        )

    def _start_worker(self, host: Host) -> None:
        self.workers[host] = self._start(host, [sys.executable, "manage.py", "worker"])

    def _start(self, host: Host, command: list[object]) -> Process:
        variables = {**getattr(self, "environment", os.environ), "HOST": host.address, "PORT": str(WEB_PORT)}
        with (self.logs / f"{host.name.rpartition('-')[2]}.log").open("ab") as log:
            return host.start(command, cwd=BASE, env=variables, stdout=log, stderr=log)

    def _start_proxy(self) -> int:
        port, self.state_port = free_port(), free_port()
        template = (Path(__file__).parent / "haproxy.cfg").read_text()
        places = dict(zip(("web0", "web1"), WEB_HOSTS, strict=True))
        settings = self.folder / "haproxy.cfg"
        settings.write_text(template.format(port=port, state_port=self.state_port, web_port=WEB_PORT, **places))
        with (self.logs / "proxy.log").open("ab") as log:
            proxy = subprocess.Popen(["haproxy", "-db", "-f", settings], stdout=log, stderr=log)  # noqa: S607
        self.stack.callback(proxy.wait)
        self.stack.callback(proxy.kill)
        return port

    def _manage(self, *command: str, **variables: str) -> None:
        subprocess.run(
            [sys.executable, "manage.py", *command], cwd=BASE, env={**self.environment, **variables}, check=True,
            timeout=120,
        )  # fmt: skip


@contextmanager
def running(logs: str | None) -> Iterator[Hosts]:
    """Start all processes, with their logs in this folder if one is given. At the end stop them and delete the data."""
    with ExitStack() as stack:
        yield Hosts(stack, Path(logs) if logs else None)


def _connects(where: dict[str, str]) -> bool:
    with suppress(psycopg.OperationalError):
        psycopg.connect(**where).close()  # type: ignore[arg-type]
        return True
    return False


def _wait(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what}: it does not start")
        time.sleep(0.05)
