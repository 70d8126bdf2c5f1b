"""The page cleans what is typed as the service does: `typed.json` has the cases for both."""

import json
import os
import shutil
import subprocess
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from profiles import invite_codes
from tests.support.typed import CASES
from users import typed

SCRIPTS = Path(settings.BASE_DIR, "inviting_app/page/static/page")
# Reads a list of texts, and writes what the page's functions make of each by the expression in place of MAKES.
RUNNER = """
const { typed, invite_code, codePattern, texts } = JSON.parse(await new Response(process.stdin).text());
const asUrl = (script) => `data:text/javascript,${encodeURIComponent(script)}`;
globalThis.document = { body: { dataset: { codePattern } } };
const { clean, latin } = await import(asUrl(typed));
const { inviteCode } = await import(asUrl(invite_code.replace("./typed.js", asUrl(typed))));
process.stdout.write(JSON.stringify(texts.map((text) => MAKES)));
"""


def on_the_page(texts: list[str], makes: str = "[clean(text), latin(clean(text))]") -> list[Any]:
    """What this expression of the page's functions makes of each text."""
    node = shutil.which("node")
    if not node and not os.environ.get("CI"):
        pytest.skip("needs Node.js")
    command = [node or "node", "--input-type=module", "--eval", RUNNER.replace("MAKES", makes)]
    scripts = {name: (SCRIPTS / f"{name}.js").read_text() for name in ("typed", "invite_code")}
    given = json.dumps({**scripts, "codePattern": invite_codes.PATTERN, "texts": texts})
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=True)
    answers: list[Any] = json.loads(done.stdout)
    return answers


def test_page_cleans_each_case_as_the_table_says() -> None:
    every = [case for name in ("cleaned", "phones", "codes", "invite_codes") for case in CASES[name]]

    cleaned = dict(zip([text for text, _ in every], on_the_page([text for text, _ in every]), strict=True))

    assert [text for text, expected in CASES["cleaned"] if cleaned[text][0] != expected] == []
    assert [text for text, expected in CASES["codes"] if cleaned[text][0] != expected] == []
    assert all(cleaned[text] == [typed.clean(text), typed.latin(typed.clean(text))] for text, _ in every)


def test_page_finds_the_invite_codes_of_the_table() -> None:
    found = on_the_page([text for text, _ in CASES["invite_codes"]], "inviteCode(text)")

    assert found == [expected for _, expected in CASES["invite_codes"]]


MESSAGES = {
    "My code, friend: H7K 3QX!": "H7K3QX",
    "Код ABC-DEF, жду": "ABCDEF",
    "my code: h7k3qx, see you": "H7K3QX",
    "Мой пригласительный код: H7K 3QX https://invite.example.org/i/H7K3QX": "H7K3QX",
    "GARDEN": "GARDEN",
    "GARDEN PARTY": None,
    "the code for the GARDEN PARTY": None,
    "come to the GARDEN": None,
    "call 999 222-33-44": None,
    "my code, thanks": None,
    "H7K3QX or X3Q7KH": None,
}


def test_page_takes_no_word_of_a_message_for_a_code() -> None:
    found = on_the_page(list(MESSAGES), "inviteCode(text)")

    assert dict(zip(MESSAGES, found, strict=True)) == MESSAGES


@pytest.mark.long
def test_page_and_service_agree_on_every_character() -> None:
    """On all that this Python knows; Node.js knows the same or more."""
    known = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) not in ("Cn", "Co", "Cs")]
    # With a letter on each side, in case that composes.
    texts: list[Any] = [f"a{character}b" for character in known]

    found = on_the_page(texts)

    assert len(texts) > 140_000
    expected = [[typed.clean(text), typed.latin(typed.clean(text))] for text in texts]
    assert [pair for pair in zip(texts, found, expected, strict=True) if pair[1] != pair[2]] == []
