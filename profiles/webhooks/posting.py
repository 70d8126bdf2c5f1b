"""Sends a webhook to its URL: one POST, whose redirects are not followed. No proxy of the environment is used."""

import asyncio
import socket
import ssl
from concurrent.futures import Future
from contextlib import suppress
from functools import cache
from zlib import crc32

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
# A shorter chunk counts as this many bytes. Each chunk takes the loop 40 microseconds, however short it is.
CHUNK_BYTES = 1_024
# What Linux keeps of an answer until it is read. In TLS, the loop reads all of it in one step. A receiver that only
# changes its key, with 27 bytes and 5 microseconds each time, would hold up the events of all others.
BUFFER_BYTES = 4_096
# Connections of a pool that are kept for the next event, and for how long. Many firewalls forget one that is idle for
# minutes, and an event on it would wait in vain.
IDLE_CONNECTIONS, IDLE_SECONDS = 10, 30.0
# Each URL belongs to one pool. For each event httpcore looks through all connections of a pool, and once more for each
# idle one. So with one pool, a worker sent 1,500 events a second to one URL, and 90 to twenty.
POOLS = 32


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
    pool = _pool(parts.scheme, crc32(url.encode()) % POOLS)
    async with pool.stream("POST", target, headers=lines, content=content, extensions=timeout) as response:
        with suppress(TimeoutError, httpcore.NetworkError, httpcore.ProtocolError):
            async with asyncio.timeout(BODY_SECONDS):
                await _read_short_body(response)
        return response.status


async def _read_short_body(response: httpcore.Response) -> None:
    size = 0
    async for chunk in response.aiter_stream():
        size += max(len(chunk), CHUNK_BYTES)
        if size > BODY_BYTES:
            return


@cache
def _tls() -> ssl.SSLContext:
    """What TLS uses here: the trusted certificates, the ciphers and one group.

    httpcore would read the certificates anew for each connection, which takes the loop 15 ms.

    Python's own ciphers without DHE, in which the receiver chooses a prime. One of 10,000 bits takes the loop 0.6 s a
    connection. For TLS 1.3, the one group that RFC 8446 (9.1) demands: with OpenSSL's own list, a receiver can choose
    the finite field of 8192 bits, which takes 0.1 s. Python cannot name several groups.
    """
    context = httpcore.default_ssl_context()
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:!SHA1:!aNULL:!aDSS:!AESCCM")
    context.set_ecdh_curve("prime256v1")
    return context


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """The event loop of all webhooks of this process, in a thread of its own: that of SMS does not wait for it."""
    return lookups.start("webhooks-http")


@cache
def _pool(scheme: str, number: int) -> httpcore.AsyncConnectionPool:
    """The connections of some URLs with this scheme. The sender limits how many are used at once, for each endpoint.

    A limit for all would let endpoints that hang hold up the others.
    """
    return httpcore.AsyncConnectionPool(
        ssl_context=_tls(),
        max_connections=None,
        max_keepalive_connections=IDLE_CONNECTIONS,
        keepalive_expiry=IDLE_SECONDS,
        socket_options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)],
        network_backend=CheckedNetwork(scheme),
    )
