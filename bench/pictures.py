"""The pictures of the README and of shared links: `make pictures`.

The README's are screenshots of a service that this starts: the page on a phone, and the home page of the admin. The
pictures of shared links (Open Graph, 1200 x 630) hold words of the page and nothing about a person. They need Debian's
chromium-headless-shell and fonts-liberation.
"""

import os
import secrets
import subprocess
import sys
from pathlib import Path

import django
from django.conf import settings
from django.utils import translation
from playwright.sync_api import Browser, sync_playwright

from tests.support.environment import NAMES
from tests.support.service import Service, ready_service

CHROMIUM = "/usr/bin/chromium-headless-shell"
IMAGES = Path(settings.BASE_DIR, "docs/images")
STATIC = Path(settings.BASE_DIR, "inviting_app/page/static/page")
PASSWORD = secrets.token_urlsafe()
# Of a range that no operator gives out.
OPERATOR, OWNER, INVITEES = "9990000001", "9990000002", ("9990001122", "9990003344", "9990005566", "9990007788")

PREVIEW = """
<style>
  body { display: grid; place-items: center; height: 100vh; margin: 0; background: #f5f7f6; }
  b { font: bold 84px "Liberation Sans"; }
  div { position: relative; display: flex; align-items: center; gap: 56px; padding: 88px 104px; border-radius: 48px;
    background: linear-gradient(135deg, #0f766e, #115e59); color: #fff; }
  div::before, div::after { position: absolute; top: calc(50% - 28px); width: 56px; height: 56px; border-radius: 50%;
    background: #f5f7f6; content: ""; }
  div::before { left: -28px; }
  div::after { right: -28px; }
  svg { width: 112px; fill: none; stroke: #fff; stroke-width: 3.5; stroke-linecap: round; stroke-linejoin: round; }
</style>
<div>
  <svg viewBox="0 0 48 48"><circle cx="24" cy="24" r="21" opacity=".4"/><path d="m15 24.5 6.5 6.5L34 18"/></svg>
  <b>WORDS</b>
</div>
"""


def draw_previews(browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1200, "height": 630})
    for language, _ in settings.LANGUAGES:
        with translation.override(language):
            page.set_content(PREVIEW.replace("WORDS", translation.gettext("You're invited")))
        page.screenshot(path=STATIC / f"preview-{language}.png")


def fill(service: Service) -> None:
    """Users, votes and an operator."""
    owner = service.call("/api/v1/profiles/me", token=service.sign_in(OWNER)["token"])
    for phone in INVITEES:
        given = {"activated_invite": owner["invite_code"]}
        service.call("/api/v1/profiles/me", given, token=service.sign_in(phone)["token"])
    environment = {**os.environ, **dict.fromkeys(NAMES, ""), "DATA_DIR": str(service.data)}
    command = [sys.executable, "manage.py", "createsuperuser", OPERATOR]
    subprocess.run(command, cwd=settings.BASE_DIR, env=environment, input=PASSWORD, text=True, check=True)


def show_page(browser: Browser, service: Service) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="en", reduced_motion="reduce")
    context.add_init_script("navigator.share = async () => {}")  # as a phone has it
    page = context.new_page()
    page.goto(f"http://localhost:{service.port}/")
    page.locator("#phone").fill(OWNER)
    page.locator("#phone").press("Enter")
    page.locator("#code").fill(page.locator("[data-demo] .code").inner_text())
    page.locator(".own").wait_for()
    page.screenshot(path=IMAGES / "page.png")


def show_admin(browser: Browser, service: Service) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 844}, locale="en")
    page.goto(f"http://localhost:{service.port}/admin/")
    page.locator("#id_username").fill(OPERATOR)
    page.locator("#id_password").fill(PASSWORD)
    page.locator("[type=submit]").click()
    page.locator("#logout-form").wait_for()
    page.screenshot(path=IMAGES / "admin.png")


def main() -> None:
    django.setup()
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--disable-gpu"])
        draw_previews(browser)
        with ready_service(SITE_NAME="Garden party", OPERATOR_NAME="Acme") as service:
            fill(service)
            show_page(browser, service)
            show_admin(browser, service)
        browser.close()


if __name__ == "__main__":
    main()
