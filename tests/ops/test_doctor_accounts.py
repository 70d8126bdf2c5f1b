"""`manage.py doctor` asks providers for the accounts where that is free."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.checks import ERROR, INFO, WARNING

from inviting_app.ops import checks_service
from tests.support.doctor import only
from tests.support.http_gateway import running
from tests.support.provider_peer import Peer, Reply

SECRET = "hunter2"


@pytest.fixture
def provider(settings: Any) -> Iterator[Peer]:
    for peer in running(Peer):
        settings.SMS_GATEWAYS = [f"smsc+http://operator:{SECRET}@{peer.host}"]
        yield peer


@pytest.mark.parametrize(
    ("answer", "level", "words"),
    [
        ('{"error_code": 2}', ERROR, "Gateway 1 smsc refuses the account: wrong credentials (2)."),
        ('{"balance": "0"}', ERROR, "Gateway 1 smsc refuses the account: no credit (0)."),
        (
            "<html>",
            WARNING,
            "Gateway 1 smsc was asked for its account, and it is not clear: unclear answer (HTTP 200).",
        ),
    ],
)
def test_provider_that_does_not_take_the_account_is_reported(
    answer: str, level: int, words: str, provider: Peer
) -> None:
    provider.reply = Reply(body=answer.encode())

    found = only(checks_service.accounts())

    assert (found.level, found.msg) == (level, words)
    assert SECRET not in f"{found.msg} {found.hint}"


def test_account_that_works_is_no_finding_and_one_that_cannot_be_tested_is_told(provider: Peer, settings: Any) -> None:
    provider.reply = Reply(body=b'{"balance": "120.50"}')
    assert list(checks_service.accounts()) == []
    settings.SMS_GATEWAYS = [*settings.SMS_GATEWAYS, "webhook+http://127.0.0.1:9/"]

    found = only(checks_service.accounts())

    assert (found.level, found.msg) == (INFO, "Not tested: the accounts of 2 webhook, because no call is free there.")


def test_unusable_gateway_is_left_to_its_own_check(settings: Any) -> None:
    settings.SMS_GATEWAYS = [f"nonsense://me:{SECRET}@sms.example"]

    assert list(checks_service.accounts()) == []
