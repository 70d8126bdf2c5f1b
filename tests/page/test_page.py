"""The page as the server renders it. tests/page/browser tests it in a browser."""

import gzip
import re
from pathlib import Path
from struct import unpack
from typing import Any

import pytest
import segno
from django.conf import settings
from django.core.files.base import ContentFile
from django.test import Client

from inviting_app.page.storage import StaticStorage
from profiles.models import Activation
from tests.support.accounts import SignedInUser

TEMPLATES = Path(settings.BASE_DIR, "inviting_app/page/templates/page")
STATIC = Path(settings.BASE_DIR, "inviting_app/page/static/page")
SIZE_LIMIT = 60_000


@pytest.fixture
def browser() -> Client:
    return Client()


def test_each_text_of_the_scripts_has_an_id_of_its_own() -> None:
    """A script finds the first one only."""
    ids = re.findall(r' id="(\w+)"', (TEMPLATES / "words.html").read_text())

    assert len(ids) > 100
    assert sorted(ids) == sorted(set(ids))


@pytest.mark.parametrize(
    ("cookie", "asked", "language"),
    [("", "en", "en"), ("", "ru-RU,ru;q=0.9", "ru"), ("ru", "en", "ru"), ("en", "ru", "en"), ("xx", "de", "en")],
)
def test_page_is_in_the_chosen_language_or_the_browsers(
    browser: Client, cookie: str, asked: str, language: str
) -> None:
    browser.cookies["django_language"] = cookie

    answer = browser.get("/", HTTP_ACCEPT_LANGUAGE=asked)

    title = {"en": "Sign in with your phone", "ru": "Вход по\u00a0номеру телефона"}[language]
    assert answer.status_code == 200
    assert f'<html lang="{language}">' in answer.text
    assert title in answer.text
    assert {"Cookie", "Accept-Language"} <= set(answer["Vary"].split(", "))
    assert answer["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize("typed", ["H7K3QX", "h7k3qx", "h7k-3qx", "h7k%203qx", "H7K3QX/", "H7K3QX).", "H7K3QX%C2%BB"])
def test_share_link_accepts_its_code_in_any_spelling(browser: Client, typed: str) -> None:
    answer = browser.get(f"/i/{typed}")

    assert answer.status_code == 200
    assert 'data-invite-code="H7K3QX"' in answer.text
    assert '<meta name="robots" content="noindex">' in answer.text


@pytest.mark.parametrize("typed", ["H7K3Q", "H7K3Q0", "<script>", "H7K3QXX", "ßH7K3Q", "%00"])
def test_link_without_a_valid_code_shows_the_page(browser: Client, typed: str) -> None:
    answer = browser.get(f"/i/{typed}")

    assert answer.status_code == 404
    assert 'data-invite-code=""' in answer.text
    assert "The code in this link is wrong or incomplete" in answer.text
    assert re.search(r"data-about>Get an invite code of your own", answer.text)  # a newcomer learns what this is
    assert "<script>" not in answer.text


@pytest.mark.parametrize("language", ["en", "ru"])
def test_shared_link_has_a_preview_that_tells_nothing_about_a_person(
    browser: Client, settings: Any, language: str
) -> None:
    settings.SITE_URL = "https://xn--e1afmkfd.xn--p1ai"
    settings.SITE_NAME = "Garden party"

    html = browser.get("/i/h7k3qx", HTTP_ACCEPT_LANGUAGE=language).text

    preview = dict(re.findall(r'<meta (?:property|name)="((?:og|twitter):[\w:]+)" content="([^"]*)">', html))
    title = {"en": "You’re invited", "ru": "Приглашение"}[language]  # the name beside it is not that of who invites
    assert f"<title>{title} · " in html
    assert (preview["og:title"], preview["og:url"]) == (title, "https://xn--e1afmkfd.xn--p1ai/i/H7K3QX")
    assert preview["og:image"] == f"https://xn--e1afmkfd.xn--p1ai/static/page/preview-{language}.png"
    header = (STATIC / f"preview-{language}.png").read_bytes()[16:24]
    assert [preview["og:image:width"], preview["og:image:height"]] == [str(size) for size in unpack(">2I", header)]
    assert all("H7K3QX" not in text for name, text in preview.items() if name != "og:url")
    assert preview["og:description"] != re.findall(r'og:description" content="([^"]*)', browser.get("/").text)[0]


def test_opening_a_share_link_activates_nothing_and_sends_no_statement(
    alice: SignedInUser, bob: SignedInUser, django_assert_num_queries: Any
) -> None:
    code = alice.code

    with django_assert_num_queries(0):
        bob.api.get(f"/i/{code}")

    assert not Activation.objects.exists()


@pytest.mark.parametrize("path", ["/", "/i/H7K3QX", "/i/H7K3QX/qr.svg"])
def test_page_refuses_posts(browser: Client, path: str) -> None:
    assert browser.post(path).status_code == 405


def test_page_follows_its_content_policy(browser: Client) -> None:
    html = browser.get("/i/H7K3QX").text

    assert all(
        link.startswith(("/static/page/", "/api/v1/results/file", "/results/", "#"))
        for link in re.findall(r'(?:src|href)="([^"]+)"', html)
    )
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=", html)


def test_page_preloads_every_module(browser: Client) -> None:
    html = browser.get("/").text

    assert set(re.findall(r'modulepreload" href="/static/page/(.+?)"', html)) == {
        file.name for file in STATIC.glob("*.js")
    }


def test_page_and_its_files_are_small(browser: Client) -> None:
    html = browser.get("/", HTTP_ACCEPT_LANGUAGE="ru", HTTP_ACCEPT_ENCODING="gzip")

    loaded = [file for file in STATIC.iterdir() if file.suffix != ".png"]  # those are for messengers
    files = sum(len(gzip.compress(file.read_bytes())) for file in loaded)

    assert html["Content-Encoding"] == "gzip"
    assert len(html.content) + files < SIZE_LIMIT


def test_share_link_leads_to_the_page(alice: SignedInUser, browser: Client) -> None:
    profile = alice.me()

    answer = browser.get(profile["share_url"].removeprefix(settings.SITE_URL))

    assert f'data-invite-code="{profile["invite_code"]}"' in answer.text


def test_qr_code_contains_the_share_link(alice: SignedInUser, browser: Client) -> None:
    profile = alice.me()

    answer = browser.get(f"/i/{profile['invite_code'].lower()}/qr.svg")

    drawn = segno.make(profile["share_url"], error="m").svg_inline(scale=8, light="#fff")
    assert answer["Content-Type"] == "image/svg+xml"
    assert re.findall(r' d="([^"]+)"', answer.text) == re.findall(r' d="([^"]+)"', drawn)


def test_qr_code_is_drawn_for_invite_codes_only(browser: Client) -> None:
    assert browser.get("/i/H7K3Q0/qr.svg").status_code == 404


@pytest.mark.parametrize("name", ["verify.py", "voting.md"])
def test_page_has_what_voters_check_the_results_with(browser: Client, name: str) -> None:
    answer = browser.get(f"/results/{name}")

    assert f'href="/results/{name}"' in browser.get("/").text
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.content == Path(settings.BASE_DIR, "docs", name).read_bytes()


def test_texts_of_the_scripts_are_those_that_they_use() -> None:
    texts = set(re.findall(r'id="(\w+)"', (TEMPLATES / "words.html").read_text())) - {"words"}
    script = "".join(file.read_text() for file in STATIC.glob("*.js"))

    named = {name for name in texts if re.search(rf'["`]{name}["`]', script)}
    by_code = {name for name in texts if name.removeprefix("problem_") + ": " in script}
    counted = {name for name in texts if name.endswith("_in") and name.removesuffix("_in") in named}
    assert set(re.findall(r'\bt\("(\w+)"', script)) <= texts
    assert named | by_code | counted == texts


def test_modules_import_each_other_by_names_that_tell_their_content(tmp_path: Path) -> None:
    storage = StaticStorage(location=tmp_path, base_url="/static/")
    names = [f"page/{file.name}" for file in STATIC.iterdir() if file.suffix != ".png"]
    for name in names:
        storage.save(name, ContentFile((STATIC.parent / name).read_bytes()))

    written = storage.post_process({name: (storage, name) for name in names})
    renamed = {name: hashed for name, hashed, _ in written if not hashed.endswith(".gz")}

    assert set(names) <= set(renamed)
    for name in names:
        imports = re.findall(r' from "\./(.+?)"', (tmp_path / renamed[name]).read_text())
        assert all(re.fullmatch(r"\w+\.[0-9a-f]{12}\.js", imported) for imported in imports)
        assert all((tmp_path / "page" / imported).exists() for imported in imports)
