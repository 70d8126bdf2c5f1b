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
import psycopg
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

# The finished days of a busy month, weekends quieter, and as many users.
DAYS = """
INSERT INTO profiles_day (day, sign_ups, activations, sms_sent, codes_used)
SELECT day, born, born * 7 / 10, born * 3, born * 14 / 5
  FROM generate_series(1, 29) AS ago,
       LATERAL (SELECT CURRENT_DATE - ago AS day) AS past,
       LATERAL (SELECT CASE WHEN extract(isodow FROM day) > 5 THEN 5 ELSE 9 + ago % 3 END AS tenths) AS pace,
       LATERAL (SELECT (60 - ago) * tenths / 10 AS born) AS sign_ups
ON CONFLICT (day) DO UPDATE SET sign_ups = excluded.sign_ups, activations = excluded.activations,
                                sms_sent = excluded.sms_sent, codes_used = excluded.codes_used
"""
USERS = """
WITH users AS (
    INSERT INTO users_user (phone, created_at, verified_at)
    SELECT '+7' || 9001000000 + row_number() OVER (), day, day FROM profiles_day, generate_series(1, sign_ups)
    RETURNING id, created_at
), profiles AS (
    INSERT INTO profiles_profile (user_id, invite_code, created_at)
    SELECT id, 'Z' || translate(lpad(id::text, 5, '0'), '01', 'AB'), created_at FROM users
)
INSERT INTO profiles_activation (invitee_id, inviter_id, created_at)
SELECT id, first, created_at FROM users, (SELECT min(id) AS first FROM users) AS inviter
 WHERE id % 10 < 7 AND id > first
"""
ALL_SENT = "SELECT NOT EXISTS (SELECT FROM users_smsdelivery WHERE state = 'queued')"


def draw_previews(browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1200, "height": 630})
    for language, _ in settings.LANGUAGES:
        with translation.override(language):
            page.set_content(PREVIEW.replace("WORDS", translation.gettext("You’re invited")))
        page.screenshot(path=STATIC / f"preview-{language}.png")


def fill(service: Service) -> None:
    """Users, votes, an operator, and the numbers of the past month."""
    owner = service.call("/api/v1/profiles/me", token=service.sign_in(OWNER)["token"])
    for phone in INVITEES:
        given = {"activated_invite": owner["invite_code"]}
        service.call("/api/v1/profiles/me", given, token=service.sign_in(phone)["token"])
    with psycopg.connect(**service.database, autocommit=True) as connection:
        connection.execute(DAYS)
        connection.execute(USERS)
        service.wait_for(lambda: connection.execute(ALL_SENT).fetchone() == (True,))
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
