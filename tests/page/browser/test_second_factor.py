"""An operator's browser sets up the second factor, logs in with it, and uses a recovery code."""

import re
from base64 import b32decode
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.page.browser.test_admin_session import PHONE, made_operator
from tests.support.authenticator import code
from tests.support.operators import PASSWORD
from tests.support.service import Service, prepared_folder, services

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def required() -> Iterator[tuple[Service, str]]:
    """A service that requires a second factor, with an operator, and the token for setting it up."""
    with prepared_folder() as folder, services(folder) as started:
        service = started(WEB_WORKERS="1", ADMIN_SECOND_FACTOR="required")
        service.wait_until_ready()
        told = made_operator(service, ADMIN_SECOND_FACTOR="required")
        yield service, re.findall("second factor: (.*)", told)[0]


@pytest.fixture
def page(browser: Browser, required: tuple[Service, str]) -> Iterator[Page]:
    context = browser.new_context(base_url=f"http://localhost:{required[0].port}", reduced_motion="reduce")
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page, violations = context.new_page(), []
    page.on("console", lambda message: violations.append(message.text) if "Security Policy" in message.text else None)
    page.on("pageerror", lambda error: violations.append(str(error)))
    yield page
    context.close()
    assert not violations


def enter_password(page: Page) -> None:
    page.goto("/admin/users/user/")
    page.locator("#id_username").fill(PHONE)
    page.locator("#id_password").fill(PASSWORD)
    page.locator("[type=submit]").click()


def enter_code(page: Page, text: str) -> None:
    field = page.get_by_label("Code:")
    expect(field).to_be_focused()
    field.fill(text)
    field.press("Enter")


def test_operator_sets_up_a_factor_and_logs_in_with_it(page: Page, required: tuple[Service, str]) -> None:
    enter_password(page)
    expect(page.get_by_role("heading", name="Second factor")).to_be_visible()
    expect(page.locator("#nav-sidebar, #user-tools")).to_have_count(0)
    image = page.get_by_role("img", name="QR code")
    expect(image).to_be_visible()
    assert image.evaluate("image => image.naturalWidth") > 100
    shown = page.locator(".secret").inner_text().replace(" ", "")
    secret = b32decode(shown).hex()
    field = page.get_by_label("Token:")
    expect(field).to_be_focused()
    field.fill("aaaa-aaaa-aaaa-aaaa")
    page.get_by_label("Code:").fill(code(secret=secret))
    page.get_by_label("Code:").press("Enter")
    expect(page.get_by_text("This token is wrong, expired or was used already.")).to_be_visible()
    field.fill(required[1])
    page.get_by_label("Code:").fill(code(secret=secret))
    page.get_by_label("Code:").press("Enter")

    codes = page.locator("#recovery-codes").inner_text().split()
    assert len(codes) == 10
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").split() == codes
    page.get_by_role("link", name="I have kept them").click()
    expect(page.locator("#logout-form")).to_be_visible()
    page.locator("#logout-form button").click()

    enter_password(page)
    enter_code(page, "000000")
    expect(page.get_by_text("This code is wrong or was used already.")).to_be_visible()
    enter_code(page, code(1, secret))
    expect(page).to_have_url("/admin/users/user/")
    page.locator("#logout-form button").click()

    enter_password(page)
    page.goto("/admin/users/user/")  # past the step
    expect(page.get_by_label("Code:")).to_be_visible()
    enter_code(page, codes[0])
    expect(page.get_by_text("You used a recovery code. Codes left: 9.")).to_be_visible()


def test_who_gave_the_password_leaves_by_a_button(page: Page) -> None:
    enter_password(page)
    page.get_by_role("button", name="Log in as another operator").click()

    expect(page.locator("#id_username")).to_be_visible()
    page.goto("/admin/")
    expect(page.locator("#id_username")).to_be_visible()
