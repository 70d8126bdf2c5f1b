"""Programs of tests in a network namespace of their own: with other addresses, settings of Linux and firewall rules."""

import shutil
import struct
import subprocess
import sys

import pytest
from django.conf import settings

_ALONE = ("unshare", "--net")


def skip_unless_possible(what: str, command: list[str]) -> None:
    """Skip the test where this command of `unshare`, which shows that, fails."""
    if not shutil.which("unshare"):
        pytest.skip(f"{what}: unshare is of Linux")
    tried = subprocess.run(command, capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"{what}: {tried.stderr.strip()}")


def run_in_own_network(module: str, *arguments: str, needs: str = "ip link set lo up") -> list[str]:
    """The lines that this module prints when it runs there.

    Skips the test where this user or this system has no such network, or the command `needs` fails in it.
    """
    skip_unless_possible(f"{needs.split()[0]} in a network of its own", [*_ALONE, *needs.split()])
    command = [*_ALONE, sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=120)
    assert not done.returncode, done.stderr
    return done.stdout.splitlines()


def internet_checksum(data: bytes) -> int:
    """Of an even number of bytes (RFC 1071)."""
    total = sum(word for (word,) in struct.iter_unpack("!H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def have_addresses(*addresses: str) -> None:
    """Give these IPv4 or IPv6 addresses to the machine. Only for a program in a network of its own."""
    commands = [["link", "set", "lo", "up"]]
    for address in addresses:
        commands.append(["address", "add", address, "dev", "lo", *(["nodad"] if ":" in address else [])])
    for command in commands:
        subprocess.run(["ip", *command], check=True)
