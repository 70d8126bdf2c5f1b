"""Hosts that are network namespaces of this machine, with cables that can be pulled. Needs Linux, root and iproute2.

The bridge is in the database's namespace, so the machine's own network gets one interface and nothing else. Names tell
the process that made them; what a killed one has left behind is removed by the next.
"""

import os
import re
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from inviting_app.ops.embedded import die_with_parent

# Of the addresses set aside for measurements (RFC 2544), which nobody routes.
NETWORK = "198.18.77"

PROXY, DATABASE, WEB_HOSTS = f"{NETWORK}.1", f"{NETWORK}.10", (f"{NETWORK}.11", f"{NETWORK}.12")
STOP_SECONDS = 20

Process = subprocess.Popen[bytes]


class Host:
    """One namespace; what is started in it ends with it."""

    def __init__(self, name: str, address: str) -> None:
        self.name, self.address = name, address
        self.processes: list[Process] = []
        _ip("netns", "add", name)

    def start(self, command: Sequence[Any], **options: Any) -> Process:
        process = subprocess.Popen(
            ["ip", "netns", "exec", self.name, *command],  # noqa: S607
            preexec_fn=die_with_parent(signal.SIGTERM),
            stdin=subprocess.DEVNULL,
            **options,
        )
        self.processes.append(process)
        return process

    def stop(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
            process.kill()
            process.wait()
        self.processes.clear()

    def remove(self) -> None:
        self.stop()
        _ip("netns", "delete", self.name)


class Network:
    def __init__(self, database: Host, web: list[Host]) -> None:
        self.database, self.web = database, web

    def cut_off(self, host: Host) -> None:
        """Pull the cable: nobody is told, and whatever is under way gets no answer."""
        self._switch(host, "down")

    def bring_back(self, host: Host) -> None:
        self._switch(host, "up")

    def _switch(self, host: Host, state: str) -> None:
        _ip("-n", self.database.name, "link", "set", f"to{self.web.index(host)}", state)


@contextmanager
def network() -> Iterator[Network]:
    """A database's host, web hosts, and this machine itself, where the proxy is: each reaches all others."""
    remove_leftovers()
    with ExitStack() as stack:

        def host(name: str, address: str) -> Host:
            made = Host(f"inviting-{os.getpid()}-{name}", address)
            stack.callback(made.remove)
            return made

        database = host("db", DATABASE)
        web = [host(f"web{number}", address) for number, address in enumerate(WEB_HOSTS)]
        _ip("-n", database.name, "link", "add", "wire", "type", "bridge")
        _address(database, "wire", database.address)
        for number, each in enumerate(web):
            _ip("-n", database.name, "link", "add", f"to{number}", "type", "veth", "peer", "eth0", "netns", each.name)
            _ip("-n", database.name, "link", "set", f"to{number}", "master", "wire", "up")
            _address(each, "eth0", each.address)
        ours = f"inv{os.getpid()}"
        _ip("link", "add", ours, "type", "veth", "peer", "tohere", "netns", database.name)
        # Its namespace would delete it only when the last process there ends. Until then a second route would exist.
        stack.callback(_ip, "link", "delete", ours)
        _ip("-n", database.name, "link", "set", "tohere", "master", "wire", "up")
        _ip("address", "add", f"{PROXY}/24", "dev", ours)
        _ip("link", "set", ours, "up")
        yield Network(database, web)


def remove_leftovers() -> None:
    """The namespaces and interfaces of processes that have ended."""
    for name, pid in re.findall(r"^(inv(\d+))@", _ip("-brief", "link"), re.MULTILINE):
        if not os.path.exists(f"/proc/{pid}"):
            _ip("link", "delete", name)
    for name in re.findall(r"^inviting-\d+-\w+", _ip("netns", "list"), re.MULTILINE):
        if not os.path.exists(f"/proc/{name.split('-')[1]}"):
            for pid in _ip("netns", "pids", name).split():
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            _ip("netns", "delete", name)


def _address(host: Host, device: str, address: str) -> None:
    _ip("-n", host.name, "link", "set", "lo", "up")
    _ip("-n", host.name, "address", "add", f"{address}/24", "dev", device)
    _ip("-n", host.name, "link", "set", device, "up")


def _ip(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True, timeout=10).stdout  # noqa: S607
