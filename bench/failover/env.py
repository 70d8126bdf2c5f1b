"""A service on a cluster, virtual users at work, and what they notice of a fault."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import psycopg
from django.conf import settings
from psycopg import sql

from bench.drills.env import PROBE_SECONDS, USERS, DrillEnv, Row
from bench.drills.users import OK, STEPS
from bench.env import say
from bench.failover import seen
from bench.failover.cluster import Cluster
from bench.failover.ways import DATABASE, NAMES, WAYS, all_hosts

# So long nobody must meet an error, before a fault counts as over.
QUIET_SECONDS = 6.0
OVER_SECONDS = 90.0


class FailoverEnv(DrillEnv):
    def __init__(self, stack: ExitStack, cluster: Cluster, way: str) -> None:
        self.cluster, self.way = cluster, way
        self._make_database()
        self._create_roles(all_hosts(stack, cluster))
        self.urls = WAYS[way](stack, cluster)
        super().__init__(stack, USERS, "", None, **self.urls)
        # What a primary that was cut off acknowledged, and the cluster does not have.
        self.lost_alone = 0

    def connect(self, name: str = "bench") -> psycopg.Connection[Any]:
        return self.cluster.connect(DATABASE)

    def harm(self, do: Callable[[], object]) -> None:
        """Do the harm, from which on times are measured, and wait until it is over for the users."""
        self.over()
        do()
        self.settle()

    def settle(self) -> None:
        """Wait until nobody has met an error for some seconds, or for as long as that may take."""
        deadline = time.monotonic() + OVER_SECONDS
        quiet_from = time.monotonic()
        while not self._quiet_since(max(quiet_from, time.monotonic() - QUIET_SECONDS)):
            if time.monotonic() > deadline:
                say("it does not end")
                return
            time.sleep(PROBE_SECONDS)

    def _quiet_since(self, then: float) -> bool:
        calls = [call for call in list(self.users.calls) if call.ended > then]
        done = {call.step for call in calls if call.outcome == OK}
        return (
            time.monotonic() >= then + QUIET_SECONDS
            and done == set(STEPS)
            and all(call.outcome == OK for call in calls)
        )

    def _make_database(self) -> None:
        name = sql.Identifier(DATABASE)
        with self.cluster.connect() as superuser:
            superuser.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
            superuser.execute(sql.SQL("CREATE DATABASE {}").format(name))

    def _create_roles(self, urls: dict[str, str]) -> None:
        with self.connect() as superuser:
            where = superuser.info
            url = f"postgresql://{where.user}:{where.password}@{where.host}/{DATABASE}"
        subprocess.run(
            [sys.executable, "manage.py", "create_roles", url],
            cwd=settings.BASE_DIR,
            env={**urls, "SECRET_KEY": settings.SECRET_KEY},
            capture_output=True,
            check=True,
        )


@dataclass(frozen=True)
class Fault:
    name: str
    # Harms the cluster under load. In the end it is whole again.
    harm: Callable[[FailoverEnv], None]
    # Seconds for which writes may be away.
    limit: float


def run(cluster: Cluster, fault: Fault, way: str) -> Row:
    """One fault on one way, with a new service and database."""
    with ExitStack() as stack:
        on = FailoverEnv(stack, cluster, way)
        cluster.move_etcd_leader()
        with on.load():
            fault.harm(on)
        shutil.copy(on.service.log, cluster.folder / f"{fault.name}, {way}.log")
        return seen.row(on, f"{fault.name}, {NAMES[way]}", fault.limit, on.lost_alone)
