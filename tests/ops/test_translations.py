"""What people read, in Russian."""

from pathlib import Path
from typing import Any

from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.conf import settings
from django.utils import translation

from api.problem_codes import PROBLEMS

RUSSIAN = Path(settings.BASE_DIR, "inviting_app/locale/ru/LC_MESSAGES")


def russian() -> dict[Any, Any]:
    with (RUSSIAN / "django.po").open("rb") as file:
        return {(message.context, message.id): message.string for message in read_po(file) if message.id}


def test_every_sentence_is_collected_and_translated() -> None:
    used = set()
    for package in ("api", "inviting_app", "profiles", "users"):
        keywords = {**DEFAULT_KEYWORDS, "_": None, "gettext_lazy": None}
        found = extract_from_dir(settings.BASE_DIR / package, keywords=keywords)
        used |= {(context, message) for _file, _line, message, _comments, context in found}

    translated = russian()

    assert used == set(translated)
    assert all(translated.values())


def test_compiled_translations_are_those_of_the_source() -> None:
    with (RUSSIAN / "django.mo").open("rb") as file:
        messages = [message for message in read_mo(file) if message.id]
    # Babel reads contexts of compiled catalogues as bytes.
    compiled = {(message.context and message.context.decode(), message.id): message.string for message in messages}

    assert compiled == russian()


def test_every_problem_speaks_russian() -> None:
    with translation.override("ru"):
        details = [str(problem.detail) for problem in PROBLEMS.values()]

    assert all(any("а" <= letter <= "я" for letter in detail) for detail in details)
