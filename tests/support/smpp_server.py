"""An SMPP 3.4 server on this machine: a message centre whose answers a test decides."""

import socket
import ssl
import struct
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from queue import Queue
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Event, Lock
from typing import Any

import gsm0338
from smpplib import consts, smpp
from smpplib.client import SimpleSequenceGenerator

GSM = gsm0338.Codec()
NUMBERS = SimpleSequenceGenerator()  # the library needs one, and a response has the number of its request
USER, PASSWORD = "esme", "s3cret-9"
BINDS = ("bind_transmitter", "bind_transceiver")


class Centre(ThreadingTCPServer):
    """Records (number, text) of each message. Accepts USER with PASSWORD. Hangs while `answers` is not set.

    `on_submit` may do something else than accept a message.
    """

    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Session)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.messages: list[tuple[str, str]] = []
        self.submits: list[Any] = []
        self.sessions: Queue[Session] = Queue()  # each that is bound
        self.seen: Queue[Any] = Queue()  # all packets but binds and messages
        self.refused: dict[str, int] = {}  # status by command
        self.on_submit: Callable[[Session, Any], None] = lambda session, pdu: session.accept(pdu)
        self.ids = count(1)
        self.answers = Event()
        self.answers.set()
        self.port = self.server_address[1]
        self.url = f"smpp://{USER}:{PASSWORD}@127.0.0.1:{self.port}?sender=Shop"

    def handle_error(self, *args: Any) -> None:
        """Print nothing when a client closes the connection."""

    def saw(self, command: str) -> Any:
        """Wait for a packet with this command."""
        while True:
            if (pdu := self.seen.get(timeout=20)).command == command:
                return pdu


class Session(StreamRequestHandler):
    server: Centre
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.lock = Lock()
        self.parts: dict[tuple[bytes, int], dict[int, str]] = {}
        self.bind = ""

    def handle(self) -> None:
        with suppress(OSError, ValueError):
            while head := self.rfile.read(4):
                pdu = smpp.parse_pdu(head + self.rfile.read(struct.unpack(">L", head)[0] - 4), client=NUMBERS)
                if pdu.command == "submit_sm":
                    self.record(pdu)
                    self.server.answers.wait()
                    self.server.on_submit(self, pdu)
                elif pdu.command in BINDS:
                    self.server.answers.wait()
                    self.answer(pdu, self.bind_status(pdu))
                else:
                    self.server.seen.put(pdu)
                    self.server.answers.wait()
                    if pdu.is_request():
                        self.answer(pdu)

    def bind_status(self, pdu: Any) -> int:
        if pdu.command in self.server.refused:
            return self.server.refused[pdu.command]
        if (pdu.system_id.decode(), pdu.password.decode()) != (USER, PASSWORD):
            return int(consts.SMPP_ESME_RINVPASWD)
        self.bind = pdu.command
        self.server.sessions.put(self)
        return int(consts.SMPP_ESME_ROK)

    def accept(self, pdu: Any, message_id: str = "") -> None:
        self.answer(pdu, message_id=message_id or f"{next(self.server.ids)}")

    def answer(self, pdu: Any, status: int = 0, **fields: Any) -> None:
        made = smpp.make_pdu(f"{pdu.command}_resp", client=NUMBERS, **fields)
        made.sequence, made.status = pdu.sequence, status
        self.send(made.generate())

    def ask(self, command: str, **fields: Any) -> None:
        self.send(smpp.make_pdu(command, client=NUMBERS, **fields).generate())

    def receipt(self, text: str, **fields: Any) -> Any:
        """Send a delivery receipt, and return what is responded."""
        self.ask("deliver_sm", **{"esm_class": 0x04, "short_message": text.encode(), **fields})
        return self.server.saw("deliver_sm_resp")

    def send(self, octets: bytes) -> None:
        with self.lock:
            self.wfile.write(octets)

    def cut(self) -> None:
        """End the connection without a word."""
        self.connection.shutdown(socket.SHUT_RDWR)

    def record(self, pdu: Any) -> None:
        """Put the text together, from its parts if it has several."""
        self.server.submits.append(pdu)
        octets, place, parts, common = pdu.short_message, 1, 1, -1
        if pdu.esm_class & consts.SMPP_GSMFEAT_UDHI:
            assert octets[:3] == bytes([5, 0, 3])
            (common, parts, place), octets = octets[3:6], octets[6:]
        if pdu.data_coding == consts.SMPP_ENCODING_DEFAULT:
            text = GSM.decode(octets)[0]
        else:
            assert pdu.data_coding == consts.SMPP_ENCODING_ISO10646
            text = octets.decode("utf-16-be")
        together = self.parts.setdefault((pdu.destination_addr, common), {})
        together[place] = text
        if len(together) == parts:
            del self.parts[pdu.destination_addr, common]
            self.server.messages.append((pdu.destination_addr.decode(), "".join(together[n] for n in sorted(together))))
