"""An SMS from the sign-up to its delivery receipt, and what an operator sees of it."""

import os
import re
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, expect

from tests.page.browser.test_admin_session import log_in, made_operator
from tests.page.browser.visitor import Visitor
from tests.support.http_gateway import Gateway
from tests.support.service import Service
from users.sms import receipt_tokens
from users.sms.gateways import parse

pytestmark = pytest.mark.long


def send_receipt(service: Service, gateway: Gateway, settings: Any, **fields: str) -> int:
    """A receipt as the provider of this gateway sends it."""
    settings.SECRET_KEY = (service.data / "secret_key").read_text().strip()
    [token] = receipt_tokens.of(parse("1 webhook", gateway.url, "").account)
    body = urllib.parse.urlencode(fields).encode()
    with urllib.request.urlopen(f"http://127.0.0.1:{service.port}/sms/receipts/{token}", body) as answer:
        assert token not in service.output
        return int(answer.status)


def test_operator_sees_what_became_of_the_sms(
    alice: Visitor,
    browser: Browser,
    service: Service,
    gateway: Gateway,
    database: psycopg.Connection[Any],
    settings: Any,
) -> None:
    alice.page.goto("/")
    alice.ask_for_code()
    service.wait_for(lambda: state(database, alice)[0] == "sent")
    _, delivery, user = state(database, alice)
    # The gateway of the tests gives all SMS one reference.
    database.execute("UPDATE users_smsdelivery SET gateway_ref = 'mine' WHERE id = %s", [delivery])
    made_operator(service)
    pages = {language: browser.new_context(locale=language).new_page() for language in ("en", "ru")}
    for page in pages.values():
        log_in(page, service)

    for fields, told in (
        ({"status": "failed", "reason": "blocked"}, {
            "en": "The last SMS was not delivered: the recipient blocks SMS.",
            "ru": "Последнее SMS не доставлено: получатель не принимает SMS.",
        }),
        ({"status": "delivered"}, {
            "en": "The last SMS was delivered at 20",
            "ru": re.compile(r"Последнее SMS доставлено \d\d\.\d\d\.20"),
        }),
    ):  # fmt: skip
        assert send_receipt(service, gateway, settings, id="mine", **fields) == 200
        for language, page in pages.items():
            page.goto(f"http://localhost:{service.port}/admin/users/user/{user}/diagnosis/")
            expect(page.locator(".messagelist")).to_contain_text(told[language])
            if folder := os.environ.get("SHOTS"):
                page.screenshot(path=Path(folder) / f"{fields['status']}-{language}.png", full_page=True)
    for page in pages.values():
        page.context.close()


def state(database: psycopg.Connection[Any], user: Visitor) -> tuple[Any, ...]:
    """The state, the id and the user of the last SMS."""
    found = database.execute(
        "SELECT d.state, d.id, u.id FROM users_smsdelivery d JOIN users_logincode c ON c.id = d.login_code_id"
        " JOIN users_user u ON u.id = c.user_id WHERE u.phone = %s ORDER BY d.id DESC LIMIT 1",
        [f"+7{user.phone}"],
    ).fetchone()
    assert found
    return found
