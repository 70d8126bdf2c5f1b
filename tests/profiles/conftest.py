"""Receivers of webhooks for the tests of this folder."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.http_gateway import running
from tests.support.webhooks import LOOPBACK, Receiver


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    """A receiver on this machine, to which webhooks may go."""
    settings.WEBHOOK_PRIVATE_ADDRESSES = LOOPBACK
    yield from running(Receiver)


@pytest.fixture
def other_receiver(receiver: Receiver) -> Iterator[Receiver]:
    yield from running(Receiver)
