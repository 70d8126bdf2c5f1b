"""`manage.py doctor` tries the gateways without sending anything, and tells what their health is."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from apprise import Apprise
from django.db import connection

from inviting_app.ops.doctor import Finding, Level, examined, gateways
from tests.support.http_gateway import Gateway, running
from tests.support.service import free_port
from tests.support.smpp_server import Centre

SECRET = "hunter2"

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # Apprise looks for it

webhook = pytest.fixture(name="webhook")(running)


@pytest.fixture
def centre() -> Iterator[Centre]:
    yield from running(Centre)


def gateway(settings: Any, *urls: str) -> list[Finding]:
    settings.SMS_GATEWAYS = list(urls)
    return list(examined(gateways.reachable))


def test_gateways_that_can_be_reached_are_sent_nothing(webhook: Gateway, centre: Centre, settings: Any) -> None:
    found = gateway(settings, webhook.url, centre.url)

    ports = webhook.server_port, centre.server_address[1]
    assert [finding.what for finding in found] == [
        f"gateway 1 json: answers on port {ports[0]}",
        f"gateway 2 smpp: answers on port {ports[1]}",
    ]
    assert (webhook.asked.is_set(), centre.messages) == (False, [])


def test_gateways_that_cannot_be_reached_are_told_without_their_urls(webhook: Gateway, settings: Any) -> None:
    closed, plain = free_port(), webhook.server_port
    found = gateway(
        settings,
        f"json://me:{SECRET}@127.0.0.1:{closed}/{{phone}}",
        f"smpp://me:{SECRET}@127.0.0.1:{closed}/15005550006/{{phone}}",
        f"jsons://me:{SECRET}@127.0.0.1:{plain}/{{phone}}",
        f"nonsense://me:{SECRET}@127.0.0.1/{{phone}}",
        f"smpp://me:secret@{SECRET}{'x' * 64}.example/15005550006/{{phone}}",  # no label of a name is so long
    )

    assert {finding.level for finding in found} == {Level.FAIL}
    assert [finding.what.partition(": ")[2] for finding in found] == [
        f"its host refuses connections on port {closed}",
        f"its host refuses connections on port {closed}",
        f"its host does not speak TLS on port {plain}",
        "Apprise cannot use its URL",
        "the name of its host cannot be resolved",
    ]
    assert all(finding.mend for finding in found)
    assert SECRET not in str(found)


def test_silent_gateways_take_the_time_of_one(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert gateways.TIMEOUT == 5
    monkeypatch.setattr(gateways, "TIMEOUT", 0.3)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        began = time.monotonic()

        found = gateway(settings, *[f"jsons://127.0.0.1:{silent.getsockname()[1]}/{{phone}}"] * 4)

    assert [finding.what for finding in found] == [
        f"gateway {place} jsons: no answer in 0.3 s" for place in range(1, 5)
    ]
    assert time.monotonic() - began < 1


SID, TOKEN = "AC" + "0" * 32, "1" * 32


@pytest.mark.parametrize(
    ("url", "where"),
    [
        (f"twilio://{SID}:{TOKEN}@15005550006/15005550006", ("api.twilio.com", 443, True, True)),
        ("vonage://key12345:0123456789abcdef@15005550006/15005550006", ("rest.nexmo.com", 443, True, True)),
        ("infobip://key@mine.example/15005550006", ("mine.example", 443, True, False)),
        ("smpp://me:secret@mine.example/15005550006/15005550006", ("mine.example", 2775, False, False)),
        ("jsons://mine.example:8443/15005550006", ("mine.example", 8443, True, False)),
        ("json://mine.example/15005550006", ("mine.example", 80, False, False)),
    ],
)
def test_where_a_gateway_connects_to(url: str, where: tuple[str, int, bool, bool]) -> None:
    peer = gateways.peer_of(Apprise.instantiate(url))

    assert peer is not None
    assert (peer.host, peer.port, peer.tls is not None, peer.is_public) == where


def test_gateway_whose_address_is_not_known_is_not_tried(settings: Any) -> None:
    [found] = gateway(settings, f"kaleyra://HXAP1234567890{'0' * 8}IN:{SECRET}@SENDER/{{phone}}")

    assert (found.level, "is not known here, so it was not tried" in found.what) == (Level.OK, True)


@pytest.mark.django_db
def test_gateway_that_keeps_failing_is_told(settings: Any) -> None:
    settings.SMS_GATEWAYS = ["json://127.0.0.1/{phone}", "smpp://a:b@127.0.0.1/1/{phone}"]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO users_smsgateway (name, failures, error, failed_at, skipped_until) VALUES"
            " ('1 json', 3, 'HTTP 401', '2026-01-02 03:04:05Z', clock_timestamp() + interval '1 minute'),"
            " ('2 smpp', 0, 'refused', '2026-01-02 03:04:05Z', NULL), ('9 form', 9, 'of the past', NULL, NULL)"
        )

    [found] = examined(gateways.health)

    assert found.level == Level.FAIL
    assert "gateway 1 json: failures in a row: 3, last at 2026-01-02 03:04:05 UTC (HTTP 401)" in found.what
    assert "; skipped until " in found.what
