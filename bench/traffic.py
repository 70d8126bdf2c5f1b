"""What a measurement of SMS needs of the outside world: people who sign up, and the gateway that gets their SMS.

Both live in one event loop, so that the times of one clock are compared and the measurement itself costs little CPU.
"""

from __future__ import annotations

import asyncio
import json
import socket
import time
from dataclasses import dataclass, field

# Below the 10 SMS an hour that the service lets one address cause.
SIGN_UPS_PER_ADDRESS = 8

# After so long without an answer a sign-up has failed.
ANSWER_SECONDS = 30.0


class Gateway:
    """A JSON webhook that takes `seconds` for each SMS, any number at once, and notes when it got which."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.received: dict[str, list[float]] = {}
        self.texts: dict[str, str] = {}
        """What the last SMS to each phone said."""
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.url = f"json://127.0.0.1:{self.socket.getsockname()[1]}/sms?:to={{phone}}"
        self._waiting: dict[str, asyncio.Event] = {}

    async def serve(self) -> asyncio.Server:
        return await asyncio.start_server(self._take, sock=self.socket)

    async def get(self, phone: str) -> float:
        """When the SMS to this phone came, as soon as it has."""
        if phone not in self.received:
            await self._waiting.setdefault(phone, asyncio.Event()).wait()
        return self.received[phone][0]

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        sms = json.loads(await reader.readexactly(length))
        phone = sms["to"]
        self.texts[phone] = sms["message"]
        self.received.setdefault(phone, []).append(time.monotonic())
        if phone in self._waiting:
            self._waiting.pop(phone).set()
        await asyncio.sleep(self.seconds)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()


@dataclass(frozen=True)
class SignUp:
    """One sign-up; times of time.monotonic(). `status` is 0 when there was no answer."""

    phone: str
    due: float
    sent: float
    answered: float
    status: int


@dataclass
class Crowd:
    """People with a phone each, new to the service, who sign up from addresses of the loopback network."""

    port: int
    signed_up: int = field(default=0, init=False)

    async def sign_up(self, due: float | None = None) -> SignUp:
        """Let the next person sign up, on a connection of their own; `due` is when they wanted to, if not now."""
        number = self.signed_up
        self.signed_up += 1
        phone = f"+7999{number:07}"
        sent = time.monotonic()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                status = await self._post(phone, _address(number // SIGN_UPS_PER_ADDRESS))
        except (OSError, EOFError, ValueError):
            status = 0
        return SignUp(phone, due or sent, sent, time.monotonic(), status)

    async def offer(self, per_second: float, seconds: float) -> list[SignUp]:
        """Sign-ups at even gaps, each at its time, whether those before were answered or not."""
        start = time.monotonic()
        tasks = []
        for number in range(round(per_second * seconds)):
            due = start + number / per_second
            await asyncio.sleep(due - time.monotonic())
            tasks.append(asyncio.create_task(self.sign_up(due)))
        return await asyncio.gather(*tasks)

    async def _post(self, phone: str, address: str) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(address, 0))
        try:
            body = json.dumps({"phone": phone}).encode()
            head = (
                f"POST /api/auth/signup HTTP/1.1\r\nHost: localhost:{self.port}\r\nConnection: close\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            writer.write(head.encode() + body)
            answer = await reader.read()
            return int(answer.split(maxsplit=2)[1])
        except IndexError:
            return 0
        finally:
            writer.close()


def _address(number: int) -> str:
    return f"127.{1 + number // 62500}.{number // 250 % 250}.{number % 250 + 1}"
