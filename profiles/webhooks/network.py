"""Connections for webhooks, to the addresses that `addresses` allows.

A name is resolved once, and the connection goes to the address that was checked. So it does not help to change the
name's address between the two (DNS rebinding).
"""

import asyncio
import socket
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any

import httpcore

from profiles.webhooks.addresses import Address, is_allowed


class AddressNotAllowed(Exception):
    """No address of the host is one to which webhooks may go."""


async def _resolve(host: str, port: int) -> list[Address]:
    """The addresses of a host, without doubles. Raises socket.gaierror or UnicodeError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ip_address(address) for address in dict.fromkeys(str(one[4][0]).partition("%")[0] for one in found)]


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
                return await super().connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await super().connect_tcp(str(allowed[-1]), port, timeout, local_address, socket_options)
