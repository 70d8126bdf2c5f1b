"""Ends connections to a server behind firewall rules ahead of their time, and then sends bytes on them.

`tests.support.own_network` runs it. The argument is a shell script with the rules. It prints how many of BYTES bytes
come through on such a connection at most, how many on another one, of how many ends the server has not heard, and how
many packets of connections that Linux does not know were dropped, of which there is one.
"""

import socket
import struct
import subprocess
import sys
import time
from collections import Counter
from threading import Thread

from tests.support.own_network import have_addresses, internet_checksum

SERVER, CLIENT = "10.0.0.1", "10.0.1.1"
PORT, CONNECTIONS, BYTES = 443, 10, 20
# Of Linux (`tcp(7)` does not have them): with TCP_REPAIR, a program may read the sequence numbers of its connection.
TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ = 19, 20, 21
RECEIVED, SENT = 1, 2
# Within the window of the server, which keeps a segment from there for later.
AHEAD = 10_000
FIN_ACK = 0x11

received: Counter[int] = Counter()


def read(connection: socket.socket, port: int) -> None:
    with connection:
        while part := connection.recv(BYTES):
            received[port] += len(part)


def serve(listener: socket.socket) -> None:
    while True:
        connection, (_, port) = listener.accept()
        Thread(target=read, args=(connection, port), daemon=True).start()


def connected() -> socket.socket:
    """A connection that sends each byte at once."""
    connection = socket.create_connection((SERVER, PORT), timeout=10, source_address=(CLIENT, 0))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def port_of(connection: socket.socket) -> int:
    return int(connection.getsockname()[1])


def sequence_numbers(connection: socket.socket) -> tuple[int, int]:
    """Of the next byte to send and the next to receive."""
    connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    numbers = []
    for queue in (SENT, RECEIVED):
        connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, queue)
        numbers.append(connection.getsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ) & 0xFFFFFFFF)
    connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, -1)  # off, without a probe of the window
    return numbers[0], numbers[1]


def fin(port: int, sent: int, heard: int) -> bytes:
    """A FIN (RFC 9293, 3.1) from this port."""
    head = struct.pack("!HHIIBBH", port, PORT, sent & 0xFFFFFFFF, heard, 5 << 4, FIN_ACK, 512)
    addresses = socket.inet_aton(CLIENT) + socket.inet_aton(SERVER)
    checksum = internet_checksum(addresses + struct.pack("!HH", socket.IPPROTO_TCP, len(head) + 4) + head)
    return head + struct.pack("!HH", checksum, 0)


def end_ahead(connection: socket.socket, raw: socket.socket) -> None:
    """Send a FIN from further on, twice. Linux takes the second one for that of the server's end."""
    sent, heard = sequence_numbers(connection)
    for _ in range(2):
        raw.sendto(fin(port_of(connection), sent + AHEAD, heard), (SERVER, 0))


def dropped_unknown() -> int:
    rules = subprocess.run(["iptables", "-nvxL", "inviting_app"], capture_output=True, text=True, check=True).stdout
    [packets] = [int(rule.split()[0]) for rule in rules.splitlines() if "ctstate INVALID" in rule]
    return packets


def main(rules: str) -> None:
    have_addresses(SERVER, CLIENT)
    subprocess.run(["sh", "-ec", rules], check=True)
    Thread(target=serve, args=[socket.create_server((SERVER, PORT))], daemon=True).start()
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as raw:
        raw.bind((CLIENT, 0))
        ended = [connected() for _ in range(CONNECTIONS)]
        for connection in ended:
            end_ahead(connection, raw)
        raw.sendto(fin(1, AHEAD, AHEAD), (SERVER, 0))
    other = connected()
    for number in range(BYTES):
        for connection in (*ended, other):
            connection.send(b"x")
        until = time.monotonic() + 10
        while received[port_of(other)] <= number and time.monotonic() < until:
            time.sleep(0.01)
    most = max(received[port_of(connection)] for connection in ended)
    for _ in range(CONNECTIONS):
        connected().close()
    unheard = subprocess.run(["ss", "-Htn", "state", "last-ack"], capture_output=True, text=True, check=True).stdout
    print(most, received[port_of(other)], len(unheard.splitlines()), dropped_unknown())


if __name__ == "__main__":
    main(sys.argv[1])
