"""What happens to the hosts."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

import psutil
import psycopg

from bench.failover.cluster import Cluster
from bench.failover.env import FailoverEnv, Fault
from bench.failover.network import Host

# Seconds for which writes may be away.
FAILOVER, SWITCHOVER = 25.0, 3.0
MARK_SECONDS = 0.1
# What is on its way may still be acknowledged so long after a primary is cut off.
ALONE_SECONDS = 1.0
# A former primary finds out within this time that another one was chosen.
BACK_SECONDS = 10.0


def _kill(on: FailoverEnv, host: Host) -> None:
    """The host's processes end. Later it starts again, with the data that it had."""
    on.harm(lambda: host.signal(signal.SIGKILL))
    on.cluster.start(host)
    _back(on)


def _hang(on: FailoverEnv, host: Host) -> None:
    """Nothing on the host runs. Its kernel still takes packets and connections. Later it goes on as if nothing was."""
    on.harm(lambda: host.signal(signal.SIGSTOP))
    host.signal(signal.SIGCONT)
    _back(on)


def _back(on: FailoverEnv) -> None:
    """Whatever the return of a host disturbs is seen too."""
    on.cluster.wait_until_whole()
    on.settle()


def _kill_postmaster(on: FailoverEnv) -> None:
    socket = on.cluster.socket(on.cluster.primary())
    postmaster = int((socket.parent / "pg" / "postmaster.pid").read_text().splitlines()[0])
    on.harm(psutil.Process(postmaster).kill)
    _back(on)


def _switch_over(on: FailoverEnv) -> None:
    old = on.cluster.primary()
    on.harm(lambda: on.cluster.patronictl("switchover", "--leader", old.name, "--force"))
    assert on.cluster.primary() != old
    _back(on)


def _lose_etcd(on: FailoverEnv) -> None:
    """etcd ends on the host of the primary, which must find another member."""
    host = on.cluster.primary()
    on.harm(lambda: next(each for each in host.processes() if each.name() == "etcd").kill())
    on.cluster.start_etcd(host)
    _back(on)


def _cut_off(on: FailoverEnv) -> None:
    """The primary is cut off, while somebody on its host goes on writing. Later the cable is back."""
    old = on.cluster.primary()
    with Marks(on.cluster, old).written() as marks:
        on.harm(old.cut_off)
        old.reconnect()
        time.sleep(BACK_SECONDS)
        _back(on)
    on.lost_alone = marks.lost(since=on.end + ALONE_SECONDS)


class Marks:
    """Rows that somebody writes on a host itself, without the network, and those that its server acknowledged."""

    def __init__(self, cluster: Cluster, host: Host) -> None:
        self.cluster, self.host = cluster, host
        self.acknowledged: dict[int, float] = {}
        self._gone = Event()
        with cluster.connect() as superuser:
            superuser.execute("CREATE TABLE IF NOT EXISTS mark (number serial PRIMARY KEY)")

    @contextmanager
    def written(self) -> Iterator["Marks"]:
        writer = Thread(target=self._write)
        writer.start()
        try:
            yield self
        finally:
            self._gone.set()
            writer.join()

    def lost(self, since: float) -> int:
        """Acknowledged rows that the cluster does not have, and all that were acknowledged after this time."""
        with self.cluster.connect() as superuser:
            kept = {number for (number,) in superuser.execute("SELECT number FROM mark")}
        return len(self.acknowledged.keys() - kept) + sum(at > since for at in self.acknowledged.values())

    def _write(self) -> None:
        while not self._gone.wait(MARK_SECONDS):
            with suppress(psycopg.Error), self.cluster.connect(host=self.host) as connection:
                while not self._gone.wait(MARK_SECONDS):
                    row = connection.execute("INSERT INTO mark DEFAULT VALUES RETURNING number").fetchone()
                    if row:
                        self.acknowledged[row[0]] = time.monotonic()


def _of_primary(harm: Callable[[FailoverEnv, Host], None]) -> Callable[[FailoverEnv], None]:
    return lambda on: harm(on, on.cluster.primary())


def _of_standby(harm: Callable[[FailoverEnv, Host], None]) -> Callable[[FailoverEnv], None]:
    return lambda on: harm(on, on.cluster.standby())


FAULTS = {
    "primary-killed": Fault("Primary killed", _of_primary(_kill), FAILOVER),
    "postmaster-killed": Fault("Postmaster killed", _kill_postmaster, FAILOVER),
    "primary-hangs": Fault("Primary hangs", _of_primary(_hang), FAILOVER),
    "primary-cut-off": Fault("Primary cut off", _cut_off, FAILOVER),
    "standby-killed": Fault("Standby killed", _of_standby(_kill), FAILOVER),
    "standby-hangs": Fault("Standby hangs", _of_standby(_hang), FAILOVER),
    "switchover": Fault("Planned switchover", _switch_over, SWITCHOVER),
    "etcd-lost": Fault("One etcd lost", _lose_etcd, FAILOVER),
}
