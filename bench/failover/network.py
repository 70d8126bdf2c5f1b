"""Hosts on one machine: network namespaces, joined by a bridge."""

import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from inviting_app.ops import system_user

NEEDED = ("unshare", "setpriv", "ip", "curl", "etcd", "etcdctl", "haproxy", "pgbouncer")
NETWORK = "10.0.0"
# Of the host of the service, where this process is.
OWN_ADDRESS = f"{NETWORK}.2"
# Own network, processes and mounts, which all end with it. The shell waits for processes that lost their parents.
APART = (
    *("unshare", "--net", "--pid", "--mount", "--mount-proc", "--fork", "--kill-child"),
    *("bash", "-c", 'mount -t tmpfs tmpfs /run && ip link set lo up && "$@"; exit $?', "-"),
)
# PostgreSQL and Patroni refuse to be root. The project may be in a folder that is closed to other users.
PLAIN_USER = (
    *("setpriv", f"--reuid={system_user.USER}", f"--regid={system_user.USER}", "--clear-groups"),
    *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),
)


def run(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def spawn(command: list[str], log: Path, variables: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **(variables or {})}
        return subprocess.Popen(
            command,
            cwd="/",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # PLAIN_USER gets no terminal of root's, into which it could type
        )


def make_bridge() -> None:
    run("ip", "link", "add", "bridge", "type", "bridge")
    run("ip", "address", "add", f"{OWN_ADDRESS}/24", "dev", "bridge")
    run("ip", "link", "set", "bridge", "up")


@dataclass(frozen=True)
class Host:
    name: str
    address: str

    def join(self) -> None:
        """Make the host, with a cable to the bridge."""
        run("ip", "netns", "add", self.name)
        run("ip", "link", "add", self.name, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        run("ip", "link", "set", self.name, "master", "bridge", "up")
        inside = ("ip", "-n", self.name)
        run(*inside, "address", "add", f"{self.address}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            run(*inside, "link", "set", device, "up")

    def start(self, *command: str | Path, log: Path, variables: Mapping[str, str] | None = None) -> None:
        spawn(["ip", "netns", "exec", self.name, *PLAIN_USER, *map(str, command)], log, variables)

    def cut_off(self) -> None:
        """Pull the cable. Nobody is told: packets get lost."""
        run("ip", "link", "set", self.name, "down")

    def reconnect(self) -> None:
        run("ip", "link", "set", self.name, "up")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to all processes of the host, those too that start meanwhile."""
        reached: set[int] = set()
        while left := {process.pid for process in self.processes()} - reached:
            for process in left:
                with suppress(ProcessLookupError):
                    os.kill(process, number)
            reached |= left

    def processes(self) -> list[psutil.Process]:
        pids = map(int, run("ip", "netns", "pids", self.name).split())
        return [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
