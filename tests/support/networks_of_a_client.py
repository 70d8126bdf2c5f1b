"""Sends packets from each /64 of an IPv6 /48 to a server behind firewall rules, and then connects from elsewhere.

`tests.support.own_network` runs it. The argument is a shell script with the rules. It prints for how many networks the
firewall has a place in its table of /64s then, how many places it has for closed connections, and the milliseconds that
the connection takes.
"""

import socket
import struct
import subprocess
import sys
import time
from ipaddress import IPv6Network
from itertools import cycle
from pathlib import Path
from threading import Thread

from tests.support.own_network import have_addresses, internet_checksum

SERVER, ELSEWHERE, NETWORK = "fd00::1", "fd00:0:2::1", IPv6Network("fd00:0:3::/48")
PORT = 443
# On a busy machine.
FILL_SECONDS = 60
TABLES = Path("/proc/net/ip6t_hashlimit")
# A SYN (RFC 9293, 3.1) without its checksum, and the first octets of the head of IPv6 (RFC 8200, 3).
SYN = struct.pack("!HHIIBBHHH", 1024, PORT, 1, 0, 5 << 4, 0x02, 1024, 0, 0)
HEAD = struct.pack("!IHBB", 6 << 28, len(SYN), socket.IPPROTO_TCP, 64)


def begin_of_a_connection(source: bytes, server: bytes) -> bytes:
    addresses = source + server
    checksum = internet_checksum(addresses + struct.pack("!II", len(SYN), socket.IPPROTO_TCP) + SYN)
    return HEAD + addresses + SYN[:16] + struct.pack("!H", checksum) + SYN[18:]


def send_from_each(network: IPv6Network) -> None:
    """Without end: Linux forgets a network after 15 seconds, and some packets are lost."""
    server = socket.inet_pton(socket.AF_INET6, SERVER)
    packets = [begin_of_a_connection(one[1].packed, server) for one in network.subnets(new_prefix=64)]
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        for packet in cycle(packets):
            raw.sendto(packet, (SERVER, 0))


def places(table: str) -> int:
    return len((TABLES / table).read_text().splitlines())


def main(rules: str) -> None:
    have_addresses(SERVER, ELSEWHERE)
    subprocess.run(["ip", "-6", "route", "add", "local", str(NETWORK), "dev", "lo"], check=True)
    subprocess.run(["sh", "-ec", rules], check=True)
    listener = socket.create_server((SERVER, PORT), family=socket.AF_INET6)
    Thread(target=listener.accept, daemon=True).start()
    Thread(target=send_from_each, args=[NETWORK], daemon=True).start()
    until = time.monotonic() + FILL_SECONDS
    while places("inv_bytes_64") < 2**16 and time.monotonic() < until:
        time.sleep(0.1)
    began = time.monotonic()
    with socket.create_connection((SERVER, PORT), timeout=10, source_address=(ELSEWHERE, 0)):
        print(places("inv_bytes_64"), places("inv_closed"), round((time.monotonic() - began) * 1000))


if __name__ == "__main__":
    main(sys.argv[1])
