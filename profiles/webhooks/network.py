"""Connections for webhooks, to the addresses that `addresses` allows.

A name is resolved once, and the connection goes to the address that was checked. So it does not help to change the
name's address between the two (DNS rebinding).
"""

import asyncio
import socket
import ssl
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any

import httpcore

from profiles.webhooks.addresses import Address, is_allowed

# The most lines of one answer. The loop of all webhooks reads a head, or trailers, in one step that takes 1.5
# microseconds a line.
MOST_LINES = 1_000
# The most bytes of one read. A larger one could hold many lines of the body together with the head. These would count
# before the status is known.
READ_BYTES = 1_024
# The most addresses of a host that are looked at. An answer of the DNS may have 4,000 of them, which would take the
# loop 20 milliseconds in one step, for each connection.
MOST_ADDRESSES = 20


class AddressNotAllowed(Exception):
    """No address of the host is one to which webhooks may go."""


async def _resolve(host: str, port: int) -> list[Address]:
    """The first addresses of a host, without doubles. Raises socket.gaierror or UnicodeError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    texts = dict.fromkeys(str(one[4][0]).partition("%")[0] for one in found[:MOST_ADDRESSES])
    return [ip_address(address) for address in texts]


class ShortStream(httpcore.AsyncNetworkStream):
    """A connection that raises httpcore.ReadError after MOST_LINES of an answer."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream, self._lines = stream, 0

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        found = await self._stream.read(min(max_bytes, READ_BYTES), timeout)
        self._lines += found.count(b"\n")
        if self._lines > MOST_LINES:
            raise httpcore.ReadError("too many lines")
        return found

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._lines = 0  # a request begins
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        return ShortStream(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class CheckedNetwork(httpcore.AnyIOBackend):
    """Connections for URLs of this scheme, to allowed addresses only."""

    def __init__(self, scheme: str) -> None:
        self._scheme = scheme

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first allowed address that answers. Raises AddressNotAllowed, or what the last one raised."""
        try:
            addresses = await _resolve(host, port)
        except (OSError, UnicodeError):
            raise httpcore.ConnectError("no such host") from None
        allowed = [address for address in addresses if is_allowed(address, self._scheme)]
        if not allowed:
            raise AddressNotAllowed
        for address in allowed[:-1]:
            try:
                return await self._connected(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._connected(allowed[-1], port, timeout, local_address, socket_options)

    async def _connected(self, address: Address, *options: Any) -> ShortStream:
        return ShortStream(await super().connect_tcp(str(address), *options))
