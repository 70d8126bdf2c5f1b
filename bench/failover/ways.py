"""The ways from the service to the primary."""

import re
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from bench.env import stop
from bench.failover.cluster import FILES, HOSTS, Cluster, adapted
from bench.failover.network import PLAIN_USER, spawn
from tests.support.proxies import wait_until_listening

DATABASE = "inviting_app"
SERVICE, OWNER = "inviting_app_service", "inviting_app_owner"
PASSWORDS = {SERVICE: "PASSWORD", OWNER: "ANOTHER"}
HAPROXY, PGBOUNCER = "127.0.0.1:5000", "127.0.0.1:6432"

Way = Callable[[ExitStack, Cluster], dict[str, str]]


def urls(cluster: Cluster, servers: str, parameters: str = "") -> dict[str, str]:
    """The settings of a service that reaches its database there."""

    def url(role: str) -> str:
        return f"postgresql://{role}:{PASSWORDS[role]}@{servers}/{DATABASE}{parameters}"

    return {"DATABASE_URL": url(SERVICE), "OWNER_DATABASE_URL": url(OWNER)}


def all_hosts(stack: ExitStack, cluster: Cluster) -> dict[str, str]:
    servers = ",".join(f"{host.address}:5432" for host in HOSTS)
    return urls(cluster, servers, "?target_session_attrs=read-write&connect_timeout=2")


def haproxy(stack: ExitStack, cluster: Cluster) -> dict[str, str]:
    command = ["haproxy", "-db", "-f", str(FILES / "haproxy-postgres.cfg")]
    _listens(stack, command, cluster.folder / "haproxy.log", HAPROXY)
    return urls(cluster, HAPROXY)


def pgbouncer(stack: ExitStack, cluster: Cluster) -> dict[str, str]:
    direct = haproxy(stack, cluster)
    folder = cluster.folder / "pgbouncer"
    cluster.own(folder)
    (folder / "userlist.txt").write_text(f'"{SERVICE}" "{PASSWORDS[SERVICE]}"\n')
    config = adapted("pgbouncer.ini", {"/etc/pgbouncer/userlist.txt": f"{folder}/userlist.txt"})
    (folder / "pgbouncer.ini").write_text(config)
    with cluster.connect() as superuser:
        for statement in re.findall("ALTER ROLE .*;", config):
            superuser.execute(statement.encode())
    command = [*PLAIN_USER, "pgbouncer", f"{folder}/pgbouncer.ini"]
    _listens(stack, command, cluster.folder / "pgbouncer.log", PGBOUNCER)
    pooled = urls(cluster, PGBOUNCER, "?prepare=off")["DATABASE_URL"]
    return {**direct, "WORKER_DATABASE_URL": direct["DATABASE_URL"], "DATABASE_URL": pooled}


def _listens(stack: ExitStack, command: list[str], log: Path, address: str) -> subprocess.Popen[bytes]:
    process = spawn(command, log)
    stack.callback(stop, process)
    wait_until_listening(process, int(address.rpartition(":")[2]), log)
    return process


WAYS: dict[str, Way] = {"hosts": all_hosts, "haproxy": haproxy, "pgbouncer": pgbouncer}
NAMES = {"hosts": "URL of all hosts", "haproxy": "HAProxy", "pgbouncer": "PgBouncer, HAProxy"}
