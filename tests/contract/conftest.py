"""The sources of the recordings: requests in a test's own database, and one running service."""

import json
import urllib.error
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from django.urls import get_resolver

from tests.support.service import service_with_a_vote

assert get_resolver().url_patterns  # the document is in the language in which the views were first loaded


@dataclass
class Seen:
    """The metrics and the log of a service from start to stop."""

    metrics: str
    lines: list[str]

    @property
    def logged(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]


@pytest.fixture(scope="session")
def seen() -> Iterator[Seen]:
    """A service with two users, a vote, refusals and an SMS."""
    with service_with_a_vote() as service:
        for path, body in [("/api/auth/signup", {"phone": "1"}), ("/api/nowhere?phone=9991110031", None)]:
            with suppress(urllib.error.HTTPError):
                service.call(path, body)
        service.answers("/9991110031/%0a%D0%B0")
        service.call("/api/auth/signup", {"phone": "9991110033"})  # nobody signs in with this one, so it is sent
        service.wait_for(lambda: "***0033" in service.output and 'outcome="sent"' in service.scrape())
        metrics = service.scrape()
        service.stop()
        yield Seen(metrics, service.output.splitlines())
