"""Sending through a message centre on this machine."""

import threading
from collections.abc import Iterator
from typing import Any

from tests.support.http_gateway import running
from tests.support.smpp_server import PASSWORD, USER, Centre
from users.sms import smpp
from users.sms.answers import Answer, Message
from users.sms.provider_files import providers
from users.sms.providers import Provider

PHONE = "+79991234567"
TEXT = "1234 — код [входа]\n\n@example.org #1234"


def run_centre(*made: Any) -> Iterator[Centre]:
    """Run a centre. After the test no thread of its link is left."""
    for centre in running(lambda: Centre(*made)):
        yield centre
        centre.answers.set()
        smpp.close()
        join()


def join() -> None:
    """Wait until each connection is given up."""
    for thread in threading.enumerate():
        if thread.name == "smpp":
            thread.join(20)
            assert not thread.is_alive()


def provider() -> Provider:
    return providers()["smpp"]


def values(centre: Centre, **more: str) -> dict[str, str]:
    """The parts and parameters of the gateway's URL. Empty ones are left out."""
    given = {"user": USER, "password": PASSWORD, "host": f"127.0.0.1:{centre.port}", "sender": "Shop", **more}
    return {name: value for name, value in given.items() if value}


def send(
    centre: Centre, text: str = TEXT, *, phone: str = PHONE, seconds: float = 7.5, on_receipt: Any = None, **more: str
) -> Answer:
    return smpp.send(provider(), values(centre, **more), Message(phone, text, "1234", "77"), on_receipt, seconds)
