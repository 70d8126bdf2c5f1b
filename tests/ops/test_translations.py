"""All texts for users are translated into Russian."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.conf import settings
from django.utils import translation

from api.problem_codes import PROBLEMS

RUSSIAN = Path(settings.BASE_DIR, "inviting_app/locale/ru/LC_MESSAGES")
ENGLISH = Path(settings.BASE_DIR, "inviting_app/locale/en/LC_MESSAGES")
RUSSIAN_OF_REST_FRAMEWORK = Path(settings.BASE_DIR, "api/locale/ru/LC_MESSAGES")


def messages(path: Path) -> dict[Any, Any]:
    with path.open("rb") as file:
        return {(message.context, message.id): message.string for message in read_po(file) if message.id}


def forms(text: Any) -> Any:
    return tuple(text) if isinstance(text, list) else text


def pybabel(*arguments: str | Path) -> None:
    subprocess.run(
        [Path(sys.executable).with_name("pybabel"), "-q", *arguments],
        cwd=settings.BASE_DIR,
        env={**os.environ, "PYTHONPATH": str(settings.BASE_DIR)},
        check=True,
    )


def test_every_text_is_collected_and_translated(tmp_path: Path) -> None:
    """`make messages` would change nothing: whoever changes a text sees only that text in the difference."""
    collected = tmp_path / "django.pot"
    copy = tmp_path / "ru/LC_MESSAGES/django.po"
    copy.parent.mkdir(parents=True)
    shutil.copy(RUSSIAN / "django.po", copy)

    options = (
        "-F",
        "pyproject.toml",
        "--no-location",
        "--sort-output",
        "-k",
        "gettext_lazy",
        "-k",
        "pgettext_lazy:1c,2",
    )
    pybabel("extract", *options, "-o", collected, "api", "inviting_app", "profiles", "users")
    options = ("--no-fuzzy-matching", "--ignore-obsolete", "--no-wrap", "--ignore-pot-creation-date")
    pybabel("update", *options, "-D", "django", "-l", "ru", "-d", tmp_path, "-i", collected)

    translated = messages(RUSSIAN / "django.po")
    assert set(messages(collected)) == set(translated)
    assert all(text and all(text) for text in translated.values())  # with plurals, a text is the tuple of its forms
    assert copy.read_text() == (RUSSIAN / "django.po").read_text()


@pytest.mark.parametrize("folder", [RUSSIAN, ENGLISH, RUSSIAN_OF_REST_FRAMEWORK])
def test_compiled_translations_are_those_of_the_source(folder: Path) -> None:
    with (folder / "django.mo").open("rb") as file:
        read = [message for message in read_mo(file) if message.id]
    # Babel reads contexts of compiled catalogues as bytes, and plural forms as lists.
    compiled = {
        (message.context and message.context.decode(), forms(message.id)): forms(message.string) for message in read
    }

    assert compiled == messages(folder / "django.po")


def test_our_messages_of_rest_framework_are_used() -> None:
    ours = messages(RUSSIAN_OF_REST_FRAMEWORK / "django.po")

    with translation.override("ru"):
        assert {text: translation.gettext(text) for _, text in ours} == {text: ours[None, text] for _, text in ours}


def test_every_problem_is_translated() -> None:
    with translation.override("ru"):
        details = [str(problem.detail) for problem in PROBLEMS.values()]

    assert all(any("а" <= letter <= "я" for letter in detail) for detail in details)


def test_russian_has_one_term_for_the_invite_code() -> None:
    catalogue = Path("inviting_app/locale/ru/LC_MESSAGES/django.po").read_text(encoding="utf-8")

    assert not re.search(r"код\w* приглашени", catalogue.lower())
