"""SMPP packets (PDUs) over a socket, written by any thread and read by one. smpplib knows their fields.

smpplib's own client is not used: it reads in the thread that writes, takes packets of 4 GB, loses what it has read of a
packet when its timeout passes, and knows neither IPv6 nor the name in a certificate.
"""

import selectors
import socket
import ssl
import struct
import time
from contextlib import suppress
from threading import Lock
from typing import Any

from smpplib import command, exceptions, pdu, smpp
from smpplib.client import SimpleSequenceGenerator

# A packet of a centre has a few hundred octets. No field is longer than 64 KB.
_SHORTEST, _LONGEST = 16, 70_000

# Seconds that a write may take. It waits only if the centre reads nothing and all buffers are full.
_WRITE_SECONDS = 1.0

# smpplib takes a number from a generator for each packet that it makes, even for one that it then reads.
_UNUSED_NUMBERS = SimpleSequenceGenerator()


class Bind(command.BindTransceiver):  # type: ignore[misc]
    """A bind of any kind. SMPP 3.4 allows names of 15 and passwords of 8 octets, and centres give out longer ones."""

    params = {
        **command.BindTransceiver.params,
        "system_id": command.Param(type=str, max=65),
        "password": command.Param(type=str, max=65),
    }


class NotSent(Exception):
    """A packet was not sent, or not in full, so the centre does not act on it."""


class Wire:
    """A connection. One lock is for reads and writes: two threads must not use a TLS connection at once."""

    def __init__(self, host: str, port: int, *, tls: bool, seconds: float) -> None:
        """Connect. Raises OSError."""
        connected = _connect(host, port, seconds)
        try:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls:
                connected = ssl.create_default_context().wrap_socket(connected, server_hostname=host)
        except OSError:
            connected.close()
            raise
        self._socket = connected
        self._lock = Lock()
        self._received = bytearray()
        self.down = False
        self._selector = selectors.DefaultSelector()
        self._selector.register(connected, selectors.EVENT_READ)

    def write(self, packet: Any, ends: float) -> None:
        """Send a packet, waiting for other threads until this time. Raises NotSent."""
        octets = packet.generate()
        if not self._lock.acquire(timeout=max(ends - time.monotonic(), 0)):
            raise NotSent
        try:
            if self.down:
                raise NotSent
            self._socket.settimeout(_WRITE_SECONDS)
            self._socket.sendall(octets)
        except OSError as error:  # after a part of a packet no other can follow
            self._shut_down()
            raise NotSent from error
        finally:
            self._lock.release()

    def read(self, seconds: float) -> bytes | None:
        """The next packet, or None if none is complete in this time. Raises OSError if the connection is lost."""
        if found := self._complete():
            return found
        if self._selector.select(max(seconds, 0)):
            self._received += self._available()
        return self._complete()

    def shut_down(self) -> None:
        """End the connection. The thread that reads notices it."""
        with self._lock:
            self._shut_down()

    def close(self) -> None:
        """Free the socket. Only the thread that reads may do so."""
        self.shut_down()
        self._selector.close()
        self._socket.close()

    def _available(self) -> bytes:
        with self._lock:
            if self.down:
                raise ConnectionError
            self._socket.settimeout(0)
            try:
                octets = self._socket.recv(65_536)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return b""  # a part of what TLS encrypts together
        if not octets:
            raise ConnectionError
        return octets

    def _complete(self) -> bytes | None:
        """Take the first packet from what was received, if it is complete."""
        if len(self._received) < _SHORTEST:
            return None
        length = int.from_bytes(self._received[:4], "big")
        if not _SHORTEST <= length <= _LONGEST:
            raise ConnectionError  # where the next packet begins is not known
        if len(self._received) < length:
            return None
        found = bytes(self._received[:length])
        del self._received[:length]
        return found

    def _shut_down(self) -> None:
        self.down = True
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)


def _connect(host: str, port: int, seconds: float) -> socket.socket:
    """A connection to the first address of the host that answers. `socket` alone would wait for one all the time."""
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for place, (*_, address) in enumerate(addresses, start=1):
        try:
            return socket.create_connection((str(address[0]), port), timeout=seconds / len(addresses))
        except OSError:
            if place == len(addresses):
                raise
    raise ConnectionError


def parse(octets: bytes) -> Any:
    """The packet with the fields that can be read. None if its command is not known."""
    try:
        name = pdu.extract_command(octets)
        packet = smpp.make_pdu(name, client=_UNUSED_NUMBERS, allow_unknown_opt_params=True)
    except exceptions.UnknownCommandError:
        return None
    # smpplib raises KeyError for a parameter that it knows, but not of this command.
    with suppress(struct.error, KeyError, exceptions.UnknownCommandError):
        packet.parse(octets)
    return packet


def response(name: str, sequence: int, status: int = 0) -> Any:
    """The response with this name to the request with this number."""
    packet = smpp.make_pdu(name, client=_UNUSED_NUMBERS)
    packet.sequence, packet.status = sequence, status
    return packet
