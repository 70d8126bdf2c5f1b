"""Sends a webhook to its URL: one POST, whose redirects are not followed. No proxy of the environment is used."""

import asyncio
from concurrent.futures import Future
from contextlib import suppress
from functools import cache

import httpcore
import httpx

from profiles.webhooks.answers import Answer, Failure
from profiles.webhooks.network import AddressNotAllowed, CheckedNetwork
from users import lookups

# The longest that one try may take: name lookup, connection and a slow answer.
SECONDS = 10.0
# Its connection, to each of the host's addresses.
CONNECT_SECONDS = 3.0
# The body of an answer is read, so that the connection can be used again, but no longer and no more than this.
BODY_SECONDS, BODY_BYTES = 1.0, 65_536
# Connections to all endpoints of one scheme that are kept for the next event, and for how long. Many firewalls forget
# one that is idle for minutes, and an event on it would wait in vain.
IDLE_CONNECTIONS, IDLE_SECONDS = 100, 30.0


def begin(url: str, headers: dict[str, str], content: bytes) -> Future[Answer]:
    """Begin to send this. Returns at once; the answer comes after SECONDS at the latest. Any thread may call it."""
    return asyncio.run_coroutine_threadsafe(_post(url, headers, content), _loop())


async def _post(url: str, headers: dict[str, str], content: bytes) -> Answer:
    try:
        async with asyncio.timeout(SECONDS):
            return Answer(await _status(url, headers, content))
    except AddressNotAllowed:
        return Answer(failure=Failure.ADDRESS)
    except (httpcore.ConnectError, httpcore.ConnectTimeout):
        return Answer(failure=Failure.CONNECTION)
    except (TimeoutError, httpcore.TimeoutException):
        return Answer(failure=Failure.TIMEOUT)
    except Exception:  # its text may contain the URL
        return Answer(failure=Failure.PROTOCOL)


async def _status(url: str, headers: dict[str, str], content: bytes) -> int:
    # As httpx has it sent. A text would lose what follows a semicolon, and the brackets of an IPv6 address in `Host`.
    parts = httpx.URL(url)
    target = httpcore.URL(scheme=parts.raw_scheme, host=parts.raw_host, port=parts.port, target=parts.raw_path)
    lines = [("host", parts.netloc.decode()), *headers.items()]
    timeout = {"timeout": {"connect": CONNECT_SECONDS}}
    pool = _pool(parts.scheme)
    async with pool.stream("POST", target, headers=lines, content=content, extensions=timeout) as response:
        with suppress(TimeoutError, httpcore.NetworkError, httpcore.ProtocolError):
            async with asyncio.timeout(BODY_SECONDS):
                await _read_short_body(response)
        return response.status


async def _read_short_body(response: httpcore.Response) -> None:
    size = 0
    async for chunk in response.aiter_stream():
        size += len(chunk)
        if size > BODY_BYTES:
            return


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """The event loop of all webhooks of this process, in a thread of its own: that of SMS does not wait for it."""
    return lookups.start("webhooks-http")


@cache
def _pool(scheme: str) -> httpcore.AsyncConnectionPool:
    """All connections of URLs with this scheme. The sender limits how many are used at once, for each endpoint.

    A limit for all would let endpoints that hang hold up the others.
    """
    return httpcore.AsyncConnectionPool(
        max_connections=None,
        max_keepalive_connections=IDLE_CONNECTIONS,
        keepalive_expiry=IDLE_SECONDS,
        network_backend=CheckedNetwork(scheme),
    )
