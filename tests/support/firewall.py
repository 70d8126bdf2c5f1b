"""Floods a server behind firewall rules, and prints for each network how much of it comes through.

`tests.support.own_network` runs it. The argument is a shell script with the rules. Each line has the number of
connections that one client can open, the bytes per second that it gets through, and the milliseconds that a message of
64 KB from elsewhere takes meanwhile.
"""

import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from itertools import count
from threading import Thread

from tests.support.own_network import have_addresses

SERVERS = ["10.0.0.1", "fd00::1"]
# The server, the addresses of the client that floods, and a client elsewhere. The last ones are of one IPv6 /48.
IPV4 = SERVERS[0], ["10.0.1.1"], "10.0.2.1"
IPV6_64 = SERVERS[1], ["fd00:0:1::1"], "fd00:0:2::1"
IPV6_48 = SERVERS[1], [f"fd00:0:3:{network}::1" for network in range(8)], "fd00:0:2::1"
PORT = 443
FLOOD_SECONDS = 2
CONNECTIONS_OF_FLOOD = 16
MESSAGES = 3


def connected(client: str, server: str) -> socket.socket:
    return socket.create_connection((server, PORT), timeout=10, source_address=(client, 0))


def read(connection: socket.socket, received: Counter[str]) -> None:
    """Answer each message that ends in an exclamation mark."""
    with connection:
        address = connection.getpeername()[0]
        while part := connection.recv(65_536):
            received[address] += len(part)
            if part.endswith(b"!"):
                connection.sendall(b".")


def serve(listener: socket.socket, received: Counter[str]) -> None:
    while True:
        Thread(target=read, args=(listener.accept()[0], received), daemon=True).start()


def flood(client: str, server: str, until: float) -> None:
    while time.monotonic() < until:
        # It may be refused: the client has just had as many as it may.
        with suppress(ConnectionRefusedError), connected(client, server) as connection:
            connection.settimeout(0.2)
            while time.monotonic() < until:
                with suppress(TimeoutError):
                    connection.send(bytes(65_536))
        time.sleep(0.05)


def milliseconds(client: str, server: str) -> float:
    """What a message of 64 KB and its answer take, with the connection."""
    began = time.monotonic()
    with connected(client, server) as connection:
        connection.sendall(bytes(65_535) + b"!")
        connection.recv(1)
    return (time.monotonic() - began) * 1000


def opened(clients: list[str], server: str) -> int:
    """How many connections these can have at once."""
    with ExitStack() as stack:
        for number in count():
            try:
                stack.enter_context(connected(clients[number % len(clients)], server))
            except ConnectionError:
                return number
    raise AssertionError


def measured(server: str, clients: list[str], elsewhere: str, received: Counter[str]) -> Iterator[int]:
    yield opened(clients, server)
    began = time.monotonic()
    senders = [clients[number % len(clients)] for number in range(CONNECTIONS_OF_FLOOD)]
    threads = [Thread(target=flood, args=(client, server, began + FLOOD_SECONDS)) for client in senders]
    for thread in threads:
        thread.start()
    slowest = max(milliseconds(elsewhere, server) for _ in range(MESSAGES))
    for thread in threads:
        thread.join()
    yield round(sum(received[client] for client in clients) / (time.monotonic() - began))
    yield round(slowest)


def main(rules: str) -> None:
    have_addresses(*SERVERS, *IPV4[1], *IPV6_64[1], *IPV6_48[1], IPV4[2], IPV6_64[2])
    subprocess.run(["sh", "-ec", rules], check=True)
    received: Counter[str] = Counter()
    for address in SERVERS:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listener = socket.create_server((address, PORT), family=family, backlog=1000)
        Thread(target=serve, args=(listener, received), daemon=True).start()
    for network in (IPV4, IPV6_64, IPV6_48):
        print(*measured(*network, received))


if __name__ == "__main__":
    main(sys.argv[1])
