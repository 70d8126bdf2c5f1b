"""The running service, and users with their own browsers."""

import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.page.browser.visitor import Visitor
from tests.support.http_gateway import Gateway, running
from tests.support.service import Service, ready_service

CHROMIUM = "/usr/bin/chromium-headless-shell"
NUMBERS = count(1)

expect.set_options(timeout=15_000)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    # Not for the whole session: its event loop would keep Django from the database in tests of other folders.
    if not os.environ.get("CI") and not Path(CHROMIUM).exists():
        pytest.skip(f"needs {CHROMIUM}")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--disable-gpu"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def gateway() -> Iterator[Gateway]:
    yield from running()


@pytest.fixture(scope="package")
def service(gateway: Gateway) -> Iterator[Service]:
    with ready_service(SMS_GATEWAYS=gateway.url, TRUSTED_PROXIES="1", WEB_WORKERS="2") as started:
        yield started


@pytest.fixture
def database(service: Service) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(**service.database, autocommit=True) as connection:
        yield connection


@pytest.fixture
def visitor(browser: Browser, service: Service, gateway: Gateway) -> Iterator[Callable[..., Visitor]]:
    """Makes users with their own phone, network address and browser. An error in a browser fails the test."""
    contexts, mishaps = [], []

    def watch(page: Page) -> None:
        page.on("pageerror", lambda error: mishaps.append(str(error)))
        page.on("console", lambda message: mishaps.append(message.text) if "Security Policy" in message.text else None)

    def make(language: str = "en") -> Visitor:
        number = next(NUMBERS)
        context = browser.new_context(
            base_url=f"http://localhost:{service.port}",
            locale=language,
            reduced_motion="reduce",
            extra_http_headers={"X-Forwarded-For": f"10.0.{number // 250}.{number % 250}"},
        )
        context.on("page", watch)
        contexts.append(context)
        return Visitor(context.new_page(), f"99950{number:05}", language, service, gateway)

    yield make
    for context in contexts:
        context.close()
    assert not mishaps


@pytest.fixture
def alice(visitor: Callable[..., Visitor]) -> Visitor:
    return visitor()


@pytest.fixture
def bob(visitor: Callable[..., Visitor]) -> Visitor:
    return visitor()
