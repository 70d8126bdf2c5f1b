"""HTTP over kept connections, and where codes arrive, in one event loop: cheap, because it shares the cores."""

import asyncio
import json
import re
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any, NamedTuple, TypeVar

from bench.fake_gateway import code_of
from bench.wrk import Request
from tests.support.http_gateway import ACCEPTED

Result = TypeVar("Result")

ANSWER_SECONDS, SMS_SECONDS = 60.0, 120.0
# A connection that was idle for longer is not used again: servers close theirs after 5 seconds.
IDLE_SECONDS = 3.0

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_REPLY = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
    len(ACCEPTED),
    ACCEPTED,
)


class Answer(NamedTuple):
    status: int
    head: bytes
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def take_message(received: bytearray) -> tuple[bytes, bytes] | None:
    """Take a whole HTTP message, its head and its body, from the front of these bytes, if there is one."""
    end = received.find(b"\r\n\r\n") + 4
    if end < 4:
        return None
    head = bytes(received[:end])
    if _CHUNKED.search(head):
        body, at = b"", end
        while (line := received.find(b"\r\n", at)) >= 0:
            size = int(received[at:line], 16)
            at = line + 4 + size
            if len(received) < at:
                return None
            body += received[line + 2 : at - 2]
            if not size:
                del received[:at]
                return head, body
        return None
    length = _LENGTH.search(head)
    whole = end + int(length[1]) if length else end
    if len(received) < whole:
        return None
    body = bytes(received[end:whole])
    del received[:whole]
    return head, body


class Connection(asyncio.Protocol):
    """One client's connection. It is kept, and opened again if the server has closed it meanwhile."""

    def __init__(self, port: int, address: str = "") -> None:
        """`address` is the client's own, on the loopback network."""
        self.port = port
        self.address = (address, 0) if address else None
        self.transport: asyncio.Transport | None = None
        self.received = bytearray()
        self.answered: asyncio.Future[Answer] | None = None
        self.idle_since = 0.0

    async def call(self, request: Request, seconds: float = ANSWER_SECONDS) -> Answer:
        """Raises OSError or TimeoutError if there is no answer."""
        async with asyncio.timeout(seconds):
            return await self._call(request)

    async def _call(self, request: Request) -> Answer:
        loop = asyncio.get_running_loop()
        if self.transport and loop.time() > self.idle_since + IDLE_SECONDS:
            self.close()
        if self.transport is None:
            self.transport, _ = await loop.create_connection(
                lambda: self, "127.0.0.1", self.port, local_addr=self.address
            )
        self.answered = loop.create_future()
        self.transport.write(request.raw(self.port))
        answer = await self.answered
        self.idle_since = loop.time()
        if _CLOSES.search(answer.head):
            self.close()
        return answer

    def data_received(self, data: bytes) -> None:
        self.received += data
        if (message := take_message(self.received)) and self.answered and not self.answered.done():
            self.answered.set_result(Answer(int(message[0][9:12]), *message))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        if self.transport and not self.transport.is_closing():
            return  # of the connection before
        self.transport = None
        self.received.clear()
        if self.answered and not self.answered.done():
            self.answered.set_exception(error or ConnectionResetError())

    def close(self) -> None:
        if self.transport:
            self.transport.close()
            self.transport = None
            self.received.clear()


class Codes:
    """The codes that have arrived, by phone in E.164."""

    def __init__(self) -> None:
        self.of: dict[str, str] = {}
        self.repeated = 0
        self._awaited: dict[str, asyncio.Future[str]] = {}

    def arrived(self, phone: str, code: str) -> None:
        self.repeated += phone in self.of
        self.of[phone] = code
        if (awaited := self._awaited.pop(phone, None)) and not awaited.done():
            awaited.set_result(code)

    async def wait(self, phone: str, seconds: float = SMS_SECONDS) -> str:
        if phone not in self.of:
            self._awaited[phone] = asyncio.get_running_loop().create_future()
            await asyncio.wait_for(self._awaited[phone], seconds)
        return self.of[phone]


class Gateway(asyncio.Protocol):
    """The `webhook` to which an SMS goes. Its client may keep the connection."""

    def __init__(self, codes: Codes, connected: set[asyncio.Transport]) -> None:
        self.codes, self.connected = codes, connected
        self.received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.connected.add(transport)

    def data_received(self, data: bytes) -> None:
        self.received += data
        while message := take_message(self.received):
            sms = json.loads(message[1])
            self.codes.arrived(sms["to"], code_of(sms["text"]))
            self.transport.write(_REPLY)

    def connection_lost(self, error: Exception | None) -> None:
        self.connected.discard(self.transport)


class Remembered(asyncio.DatagramProtocol):
    """Where a peer's sending hook, which sends nothing, leaves a phone and its code."""

    def __init__(self, codes: Codes) -> None:
        self.codes = codes

    def datagram_received(self, data: bytes, addr: Any) -> None:
        phone, code = data.decode().split()
        self.codes.arrived(phone, code)


class Load:
    """An event loop in a thread of its own, with the gateway and the place of remembered codes."""

    def __init__(self) -> None:
        self.codes = Codes()
        self._started, self._ended = Event(), asyncio.Event()

    @contextmanager
    def running(self) -> Iterator["Load"]:
        thread = Thread(target=asyncio.run, args=[self._serve()])
        thread.start()
        self._started.wait()
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._ended.set)
            thread.join()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    @property
    def gateway_url(self) -> str:
        return f"http://127.0.0.1:{self.gateway_port}/sms"

    async def _serve(self) -> None:
        loop = self._loop = asyncio.get_running_loop()
        connected: set[asyncio.Transport] = set()
        server = await loop.create_server(lambda: Gateway(self.codes, connected), "127.0.0.1", 0, backlog=1024)
        endpoint, _ = await loop.create_datagram_endpoint(lambda: Remembered(self.codes), ("127.0.0.1", 0))
        self.gateway_port = server.sockets[0].getsockname()[1]
        self.remember_port = endpoint.get_extra_info("sockname")[1]
        self._started.set()
        async with server:
            await self._ended.wait()
        endpoint.close()
        for transport in connected:
            transport.abort()
        await asyncio.sleep(0)  # they close now
