"""SMPP 3.4."""

from collections.abc import Mapping

from users.sms.answers import Answer, Message, Reason
from users.sms.providers import Provider


def send(provider: Provider, values: Mapping[str, str], message: Message) -> Answer:
    return Answer(Reason.FAULT)
