"""A user at a browser, with a phone at hand."""

import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import translation
from playwright.sync_api import Locator, Page, expect

from tests.support.http_gateway import Gateway
from tests.support.service import Service

TEMPLATES = Path(settings.BASE_DIR, "inviting_app/page/templates/page")
SCRIPT_TEXTS = dict(re.findall(r'id="(\w+)">{% translate "(.+?)" %}', (TEMPLATES / "words.html").read_text()))
AXE = Path(__file__).parents[2] / "contract/clients/node_modules/axe-core/axe.min.js"


@dataclass
class Visitor:
    page: Page
    phone: str
    language: str
    service: Service
    gateway: Gateway

    @property
    def shown_phone(self) -> str:
        return f"+7 {self.phone[:3]} {self.phone[3:6]}-{self.phone[6:8]}-{self.phone[8:]}"

    @property
    def typed_phone(self) -> str:
        """As the field of a phone shows it."""
        return self.shown_phone.removeprefix("+7 ")

    @property
    def unbroken_phone(self) -> str:
        """As it stands in a sentence."""
        return self.shown_phone.replace(" ", "\u00a0").replace("-", "\u2011")

    @property
    def last_digits(self) -> str:
        """As the field of a phone reminds of it."""
        return self.unbroken_phone[-5:]

    def words(self, text: str, *, context: str = "", **values: object) -> str:
        """An English text of the page, or the script's text with this id, in this user's language."""
        text = SCRIPT_TEXTS.get(text, text)
        with translation.override(self.language):
            found = translation.pgettext(context, text) if context else translation.gettext(text)
            return found.format(**values)

    def messages(self) -> list[str]:
        sent = [message for message in self.gateway.messages if message["to"] == f"+7{self.phone}"]
        return [message["text"] for message in sent]

    def code(self, number: int = 1) -> str:
        """The code in the SMS of this number, when it has come."""
        self.service.wait_for(lambda: len(self.messages()) >= number)
        return re.findall(r"#(\d+)$", self.messages()[number - 1])[0]

    def wrong_code(self, number: int = 1) -> str:
        return f"{(int(self.code()) + number) % 10_000:04}"

    def ask_for_code(self) -> None:
        self.page.get_by_label(self.words("Mobile number")).fill(self.phone)
        self.press("Get an SMS code")
        expect(self.code_field).to_be_focused()

    def sign_in(self, path: str = "/") -> str:
        """Go the whole way; what is shown in the end is the user's invite code."""
        self.page.goto(path)
        self.ask_for_code()
        self.code_field.fill(self.code(len(self.messages()) or 1))
        return self.own_code()

    def sign_in_elsewhere(self) -> str:
        """With another client than the browser; the token that it got."""
        asked = self.service.call("/api/auth/signup", {"phone": self.phone})
        given = {"code": self.code(len(self.messages()) or 1), "challenge_id": asked["challenge_id"]}
        return str(self.service.call("/api/auth/login", given)["token"])

    def own_code(self) -> str:
        shown = self.page.locator(".own [aria-hidden]")
        expect(shown).to_be_visible()
        return shown.inner_text().replace(" ", "")

    def days(self, month: str) -> list[str]:
        """The day of ten minutes ago, and that of now, as this user reads them. The month is `short` or `long`."""
        script = """([language, month]) => [Date.now() - 600000, Date.now()].map(
            new Intl.DateTimeFormat(language, { month, day: "numeric" }).format)"""
        return list(self.page.evaluate(script, [self.language, month]))

    def expire(self) -> None:
        """From now on the access token has expired."""
        self.page.evaluate("localStorage.session = JSON.stringify({ ...JSON.parse(localStorage.session), until: 0 })")

    @property
    def code_field(self) -> Locator:
        return self.page.locator("#code")

    @property
    def invite_field(self) -> Locator:
        return self.page.locator("#invite")

    @property
    def problem(self) -> Locator:
        """What the page complains of."""
        return self.page.locator(".problem p")

    def button(self, text: str, **values: object) -> Locator:
        return self.page.get_by_role("button", name=self.words(text, **values), exact=True)

    def press(self, text: str) -> None:
        self.button(text).click()

    def sees(self, text: str, **values: object) -> None:
        expect(self.page.get_by_role("main")).to_contain_text(self.words(text, **values))

    def sees_title(self, text: str, **values: object) -> None:
        expect(self.page.get_by_role("heading", level=1)).to_have_text(self.words(text, **values))

    def sees_chosen(self, code: str) -> None:
        """At once on top of the profile, or later in the card of the vote."""
        shown = self.page.locator(".done:visible, .chosen [aria-hidden]:visible")
        expect(shown).to_have_count(1)
        expect(shown).to_contain_text(f"{code[:3]} {code[3:]}")

    def hears(self, text: str, **values: object) -> None:
        """What a screen reader is told."""
        expect(self.page.locator("#status")).to_have_text(self.words(text, **values))

    def open_account(self) -> None:
        self.page.get_by_role("link", name=self.words("Account")).click()
        self.sees_title("Account")

    def finds_no_barrier(self) -> None:
        """As axe-core judges by WCAG 2.2 AA and its own best practice."""
        if self.page.evaluate("!window.axe"):
            self.page.evaluate(_axe())
        found = self.page.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]
        assert not [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found]


@cache
def _axe() -> str:
    if not AXE.exists() and not os.environ.get("CI"):
        pytest.skip("needs `npm ci --prefix tests/contract/clients`")
    return AXE.read_text()
