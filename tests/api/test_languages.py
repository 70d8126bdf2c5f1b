"""`Accept-Language` as RFC 9110 means it, in the API and on pages."""

from typing import Any

import pytest

from tests.support.wsgi_client import call

RUSSIAN = [
    "ru", "RU", "ru-RU", "ru_RU", "ru-ru;q=0.5, en;q=0.4", "en;q=0.4,ru;q=0.5", "en;q=0, ru", "de, ru;q=0.001",
    "ru;Q=1.000", "ru ; q=0.5", "ru,", ",ru", "ru, ,en", "en;q=x, ru", "!, ru", "ru-Cyrl-RU", "de_DE, ru_RU;q=0.5",
    "ru;q=2, ru;q=0.1", "zz, ru", "ru;q=0.5, *;q=0.1", "en-US;level=1, ru",
]  # fmt: skip
ENGLISH = [
    "", "en", "EN_us", "*", "de", "ru;q=0", "ru;q=0.", "ru;q=0.000", "ru; q=0 , en", "ru_RU;q=0", "*, ru",
    "ru;q=0.4, en", "ru;q=0, *", "ru;q=", "ru;q=-1", "ru;q=1.5", "ru;q=.9", "r u", "ru;", "\xff", "ru\x00", "-ru",
    "x" * 5000, "ru-" * 2000, "ru;q=0," * 1000, "русский".encode().decode("latin-1"), "ru_RU.UTF-8",
    "!," * 250 + "ru", "zz," * 166 + "ru;q=0",
]  # fmt: skip


@pytest.mark.parametrize(("asked", "language"), [*((a, "ru") for a in RUSSIAN), *((a, "en") for a in ENGLISH)])
@pytest.mark.parametrize("path", ["/api/nowhere", "/nowhere"])
def test_language_is_the_one_that_is_wanted_most(path: str, asked: str, language: str) -> None:
    assert call("GET", path, HTTP_ACCEPT_LANGUAGE=asked).headers["Content-Language"] == language


def test_default_stays_where_it_alone_is_refused(settings: Any) -> None:
    settings.LANGUAGE_CODE = "ru"

    assert call("GET", "/api/nowhere", HTTP_ACCEPT_LANGUAGE="ru;q=0").headers["Content-Language"] == "ru"
    assert call("GET", "/api/nowhere", HTTP_ACCEPT_LANGUAGE="ru;q=0, en").headers["Content-Language"] == "en"
