"""No page of the admin scrolls sideways, and no list is cut off, with long names and large numbers."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.page.browser.test_admin_session import log_in, made_operator
from tests.page.browser.visitor import Visitor
from tests.support.service import Service

pytestmark = pytest.mark.long

LISTS = (
    *("users/user/", "users/device/", "users/logincode/", "users/smsdelivery/", "profiles/profile/"),
    *("profiles/activation/", "profiles/webhookendpoint/", "profiles/webhookdelivery/"),
)
# Those that the fixture puts rows into. The others have rows if other tests ran before.
FILLED = ("users/user/", "profiles/webhookendpoint/", "profiles/webhookdelivery/")
HOST = "a-very-long-host-name-of-a-partner.integration.staging.example.com"
LONG = """
WITH endpoint AS (
    INSERT INTO profiles_webhookendpoint (url, events, nonce, is_enabled, disabled_reason, error, failing_since)
    VALUES (%s, '{user.phone_changed}', %s, true, '', 'timeout', now() - interval '3 hours') RETURNING id
), delivery AS (
    INSERT INTO profiles_webhookdelivery (endpoint_id, kind, data, next_try_at)
    SELECT id, 'user.phone_changed', '{}', now() + interval '1 day' FROM endpoint
)
SELECT id FROM endpoint
"""
ERASED = "INSERT INTO users_user (id, erased_at, is_active) VALUES (10000000, now(), false) ON CONFLICT DO NOTHING"


@pytest.fixture(scope="module")
def endpoint(service: Service) -> Iterator[Any]:
    with psycopg.connect(**service.database, autocommit=True) as connection:
        (pk,) = connection.execute(LONG, [f"https://{HOST}/", uuid4()]).fetchone() or ()
        connection.execute(ERASED)
        yield pk
        connection.execute("DELETE FROM profiles_webhookdelivery WHERE endpoint_id = %s", [pk])
        connection.execute("DELETE FROM profiles_webhookendpoint WHERE id = %s", [pk])
        connection.execute("DELETE FROM users_user WHERE id = 10000000")


def hidden(page: Page, of: str) -> int:
    """The pixels of an element that are to be scrolled to sideways."""
    return int(page.locator(of).evaluate("it => it.scrollWidth - it.clientWidth"))


@pytest.mark.parametrize("language", ["en", "ru"])
def test_pages_are_no_wider_than_the_screen(browser: Browser, service: Service, endpoint: int, language: str) -> None:
    made_operator(service)
    context = browser.new_context(locale=language)
    page = context.new_page()
    log_in(page, service)
    for width in (320, 390, 600, 768, 1024, 1100, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        for path in ("", *LISTS, f"profiles/webhookendpoint/{endpoint}/change/", "users/user/10000000/change/"):
            answer = page.goto(f"http://localhost:{service.port}/admin/{path}")
            assert answer and answer.status == 200, path
            for number in page.locator(".home dd").all():
                number.evaluate("it => (it.firstChild.textContent = '10\u00a0000\u00a0000')")
            assert hidden(page, "html") <= 0, (width, path)
            if path in LISTS and width in (390, 1280):
                has_rows = page.locator("#result_list").count()
                assert has_rows or path not in FILLED, path
                assert not has_rows or hidden(page, ".results") <= 0, (width, path)
    context.close()


@pytest.mark.parametrize("width", [390, 768, 1024])
def test_tables_about_a_user_are_no_wider_than_the_screen(
    browser: Browser, service: Service, visitor: Callable[..., Visitor], width: int
) -> None:
    made_operator(service)
    invited = visitor()
    invited.sign_in()
    with psycopg.connect(**service.database) as connection:
        found = connection.execute("SELECT id FROM users_user WHERE phone = %s", [f"+7{invited.phone}"]).fetchone()
        (user,) = found or ()
    context = browser.new_context(locale="ru", viewport={"width": width, "height": 844})
    page = context.new_page()
    log_in(page, service)
    for path in ("change", "diagnosis"):
        page.goto(f"http://localhost:{service.port}/admin/users/user/{user}/{path}/")
        tables = page.locator("#content-main .module:has(table)").all()
        assert len(tables) >= 2
        assert all(table.evaluate("it => it.scrollWidth - it.clientWidth") <= 0 for table in tables), path
    page.locator(".header-search input").fill(invited.phone)
    page.locator(".header-search input").press("Enter")
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    context.close()
