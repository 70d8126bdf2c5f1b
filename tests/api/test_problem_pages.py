"""The pages that the `type` of a problem leads to. They are generated from the API's own table of problems."""

import json
import re
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import translation

from api.problem_codes import PROBLEMS
from api.problem_pages import OPERATIONS
from tests.support.accounts import client

ME = "/api/v1/profiles/me"


def page(path: str, language: str = "en") -> str:
    answer = Client().get(path, HTTP_ACCEPT_LANGUAGE=language)
    assert answer.status_code == 200
    assert f'<html lang="{language}">' in answer.text
    return unescape(answer.text)


def text(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html))


@pytest.mark.parametrize(("language", "letters"), [("en", "[a-z]"), ("ru", "[а-я]")])
def test_every_code_has_a_page_with_advice(language: str, letters: str) -> None:
    index = page("/problems", language)

    for code, problem in PROBLEMS.items():
        shown = page(f"/problems/{code}", language)
        assert f'href="/problems/{code}"' in index
        with translation.override(language):
            assert str(problem.detail) in text(shown)
            assert f'<meta name="description" content="{problem.detail}">' in shown
        meaning, remedy = re.findall(r"</h2>\s*<p>(.+?)</p>", shown)[:2]
        assert len(re.findall(letters, text(meaning))) > 10
        assert len(re.findall(letters, text(remedy))) > 10
        assert "`" not in meaning + remedy


def test_type_of_a_problem_leads_to_a_page_about_it() -> None:
    answer = client().get(ME, HTTP_ACCEPT_LANGUAGE="ru")

    shown = page(urlsplit(answer.json()["type"]).path, "ru")

    example = shown[shown.index("{\n") : shown.index("}<") + 1]
    assert {**json.loads(example), "request_id": ""} == {**answer.json(), "request_id": ""}
    assert f"WWW-Authenticate: {answer['WWW-Authenticate']}" in shown


def test_page_names_the_operations_of_the_openapi_document() -> None:
    document = client().get("/schema?format=json").json()
    pages = {code: page(f"/problems/{code}") for code in PROBLEMS}
    told = [operation for methods in document["paths"].values() for operation in methods.values()]

    assert {operation["summary"] for operation in told} == set(OPERATIONS)
    listed = {code: set(re.findall(r'"/docs#/\w+/(\w+)"', shown)) for code, shown in pages.items()}

    for code in PROBLEMS:
        expected = {one["operationId"] for one in told if f"/problems/{code})" in str(one["responses"])}
        if len(expected) == len(told):
            assert "All operations." in pages[code]
        else:
            assert listed[code] == expected
    assert listed["invalid_code"] == {"login", "me_phone_confirm"}


def test_operations_have_russian_names_and_paths_that_fit_a_phone() -> None:
    shown = page("/problems/invalid_code", "ru")

    assert "Войти по коду</a>" in shown
    assert "POST /<wbr>api/<wbr>auth/<wbr>login" in shown


def test_header_marks_the_list_where_it_is_shown() -> None:
    assert re.findall(r'aria-current="page">(.+?)</a>', page("/problems")) == ["Problem codes"]
    assert "aria-current" not in page("/problems/invalid_code")


@pytest.mark.parametrize("path", ["/problems/nothing", "/problems/INVALID", "/problems/invalid/x"])
def test_unknown_code_is_not_found(path: str) -> None:
    assert Client().get(path).status_code == 404


@pytest.mark.parametrize("path", ["/problems", "/problems/invalid_code"])
def test_pages_follow_the_strict_content_policy(path: str, settings: Any) -> None:
    answer = Client().get(path)

    assert answer["Content-Security-Policy"] == settings.CONTENT_SECURITY_POLICY
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=", answer.text)
    assert all(link.startswith("/") for link in re.findall(r'(?:src|href)="([^"]*)"', answer.text))
    assert 'href="/docs' in answer.text
