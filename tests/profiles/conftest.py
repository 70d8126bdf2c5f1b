"""Receivers of webhooks for the tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.support.http_gateway import running
from tests.support.webhooks import Receiver


@pytest.fixture
def other_receiver(receiver: Receiver) -> Iterator[Receiver]:
    yield from running(Receiver)
