"""A secret that an answer quotes is found and hidden, however the answer writes it."""

import base64
import html
import json
import time
from urllib.parse import quote, quote_plus

import pytest

from users.sms import quoted

SECRET = "pA/s<w 'Ord+ü&9"
VALUES = {"user": "Shopper", "password": SECRET, "secret": "whsec_c2VjcmV0", "path": "/x"}

WRITTEN = {
    "as it is": SECRET,
    "in lower case": SECRET.lower(),
    "in capitals": SECRET.upper(),
    "in a URL": quote(SECRET, safe=""),
    "in a URL, in part": quote(SECRET, safe="/'&+"),
    "in a URL, in lower case": quote(SECRET, safe="").lower(),
    "in a form": quote_plus(SECRET),
    "in a URL within a URL": quote(quote(SECRET, safe=""), safe=""),
    "in HTML": html.escape(SECRET),
    "in HTML, by numbers": "".join(f"&#{ord(one)};" for one in SECRET),
    "in HTML, by hexadecimal numbers": "".join(f"&#x{ord(one):02X};" for one in SECRET),
    "in HTML within HTML": html.escape(html.escape(SECRET)),
    "in JSON": json.dumps(SECRET)[1:-1],
    "in JSON, every character": "".join(f"\\u{ord(one):04x}" for one in SECRET),
    "in JSON of PHP": json.dumps(SECRET)[1:-1].replace("/", "\\/"),
    "in JSON within JSON": json.dumps(json.dumps(SECRET))[3:-3],
    "in a program": "".join(f"\\x{ord(one):02x}" for one in SECRET),
    "in base64": base64.b64encode(SECRET.encode()).decode(),
    "in base64 for URLs": base64.urlsafe_b64encode(SECRET.encode()).decode(),
    "in base64 with more": base64.b64encode(f"key is {SECRET}!".encode()).decode(),
    "in base64 in a URL": quote(base64.b64encode(SECRET.encode()).decode(), safe=""),
    "in basic authentication": base64.b64encode(f"Shopper:{SECRET}".encode()).decode(),
    "the user": "SHOPPER",
    "the secret of a webhook": "c2VjcmV0",
}


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN.keys())
def test_secret_is_hidden_and_the_rest_is_kept(written: str) -> None:
    assert quoted.hide(f'{{"error": "bad key {written} (7)", "again": "{written}"}}', VALUES) == (
        '{"error": "bad key *** (7)", "again": "***"}'
    )
    assert quoted.is_in(f"bad {written}.", VALUES)


@pytest.mark.parametrize("text", ["", "100% of &amp; it\\n", "%zz &nothing; \\u12", "pA/s<w", "error /x", "=+-_/"])
def test_text_without_a_secret_stays_as_it_is(text: str) -> None:
    assert quoted.hide(text, VALUES) == text
    assert not quoted.is_in(text, VALUES)


@pytest.mark.parametrize("secret", ["p%40ssword", "a\\nice&amp;one", "&#65;&#66;&#67;", "back\\slash", "100% &lt;"])
def test_secret_that_looks_like_an_escape_is_hidden(secret: str) -> None:
    for written in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1], html.escape(secret)):
        assert quoted.hide(f"key {written}.", {"password": secret}) == "key ***."


def test_secrets_that_overlap_leave_nothing() -> None:
    assert quoted.hide("say abcdefgh now", {"password": "abcdef", "user": "cdefgh"}) == "say *** now"


def test_long_answer_takes_no_long_time() -> None:
    began = time.process_time()
    for text in ("%25" * 20_000, "&amp;" * 13_000, "\\" * 65_000, "c2VjcmV0" * 8_000, "A" * 65_000):
        quoted.hide(text, VALUES)
    assert time.process_time() - began < 2
