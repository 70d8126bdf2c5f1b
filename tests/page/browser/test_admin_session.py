"""An operator's browser: two instances on one host, and a link from a page of another site."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, expect

from tests.support.environment import NAMES
from tests.support.operators import PASSWORD
from tests.support.service import Service, ready_service

pytestmark = pytest.mark.long

PHONE = "9991119998"


@pytest.fixture(scope="module")
def instances(service: Service) -> Iterator[list[Service]]:
    """Two services with an operator each."""
    with ready_service() as other:
        started = [service, other]
        for one in started:
            made_operator(one)
        yield started


def made_operator(service: Service, **variables: str) -> str:
    """Returns what the command prints."""
    return subprocess.run(
        [sys.executable, "manage.py", "createsuperuser", PHONE],
        cwd=settings.BASE_DIR,
        env={**dict.fromkeys(NAMES, ""), "DATA_DIR": str(service.data), **variables},
        input=PASSWORD,
        text=True,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout


def log_in(page: Page, service: Service, host: str = "localhost") -> None:
    page.goto(f"http://{host}:{service.port}/admin/")
    page.locator("#id_username").fill(PHONE)
    page.locator("#id_password").fill(PASSWORD)
    page.locator("[type=submit]").click()
    is_signed_in(page)


def is_signed_in(page: Page) -> None:
    expect(page.locator("#logout-form")).to_be_visible()


def test_two_instances_on_one_host_do_not_sign_each_other_out(browser: Browser, instances: list[Service]) -> None:
    context = browser.new_context()
    page = context.new_page()
    for service in instances:
        log_in(page, service)

    for service in instances:
        page.goto(f"http://localhost:{service.port}/admin/")
        is_signed_in(page)
    assert len({cookie["name"] for cookie in context.cookies()}) == 4
    context.close()


def test_operator_who_follows_a_link_from_another_site_is_signed_in(browser: Browser, instances: list[Service]) -> None:
    context = browser.new_context()
    page = context.new_page()
    log_in(page, instances[0])
    context.route("http://tickets.example/", lambda route: route.fulfill(
        content_type="text/html", body=f'<a href="http://localhost:{instances[0].port}/admin/users/user/">ticket</a>',
    ))  # fmt: skip

    page.goto("http://tickets.example/")
    page.get_by_role("link").click()

    is_signed_in(page)
    page.locator("#logout-form button").click()  # a form of the page that the link led to
    expect(page.locator("#logout-form")).to_have_count(0)
    expect(page.locator("#content")).to_be_visible()
    context.close()
