"""An SMPP 3.4 server on this machine, with what a transmitter needs."""

import struct
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Event
from typing import Any

import gsm0338
from smpplib import consts, smpp
from smpplib.client import SimpleSequenceGenerator

GSM = gsm0338.Codec()
NUMBERS = SimpleSequenceGenerator()  # the library needs one, and a response has the number of its request
USER, PASSWORD = "esme", "s3cret-9"


class Centre(ThreadingTCPServer):
    """Records (number, text) of each message. Accepts USER with PASSWORD. Hangs while `answers` is not set."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Session)
        self.messages: list[tuple[str, str]] = []
        self.answers = Event()
        self.answers.set()
        port = self.server_address[1]
        self.url = f"smpp://{USER}:{PASSWORD}@127.0.0.1:{port}/15005550006/{{phone}}"

    def handle_error(self, *args: Any) -> None:
        """Print nothing when a client closes the connection."""


class Session(StreamRequestHandler):
    server: Centre

    def handle(self) -> None:
        while head := self.rfile.read(4):
            pdu = smpp.parse_pdu(head + self.rfile.read(struct.unpack(">L", head)[0] - 4), client=NUMBERS)
            self.answer(pdu, getattr(self, pdu.command)(pdu))

    def answer(self, pdu: Any, status: int) -> None:
        self.server.answers.wait()
        made = smpp.make_pdu(f"{pdu.command}_resp", client=NUMBERS, status=status)
        made.sequence = pdu.sequence
        self.wfile.write(made.generate())

    def bind_transmitter(self, pdu: Any) -> int:
        known = (pdu.system_id.decode(), pdu.password.decode()) == (USER, PASSWORD)
        return int(consts.SMPP_ESME_ROK if known else consts.SMPP_ESME_RINVPASWD)

    def submit_sm(self, pdu: Any) -> int:
        if pdu.data_coding == consts.SMPP_ENCODING_DEFAULT:
            text = GSM.decode(pdu.short_message)[0]
        else:
            text = pdu.short_message.decode("utf-16-be")
        self.server.messages.append((pdu.destination_addr.decode(), text))
        return int(consts.SMPP_ESME_ROK)

    def unbind(self, pdu: Any) -> int:
        return int(consts.SMPP_ESME_ROK)
