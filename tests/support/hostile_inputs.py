"""Input of users and attackers: nearly valid values, and garbage."""

import json
from collections.abc import Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from hypothesis import strategies as st

Text = TypeVar("Text", str, bytes)

# Hard characters: signs, controls, digits of other scripts, surrogates, and some that get longer when normalised.
LETTERS = st.sampled_from(
    "0123456789+-–—().,/ ;:'\"\\%&=#*xXaZ_²½⒈⑴٣९９＋（ßıKſяЖ日é\x00\t\r\n\x1c\x85\u00a0\u200b\u202e"
    "\u0301\u20e3\ufeff\ufdfa\ud800\U0001d7d9\U0001f600"
)

TOKENS = (
    b'{ } [ ] " : , \\ \\u0000 \\ud800 null true - 1e400 NaN -- & = + %00 %ff \xff \xef\xbb\xbf \xed\xa0\x80 \xfe\xff'
)
MANY = [b"9" * 400, b"9" * 5000, b"[" * 5000, b'{"a":' * 3000, b" " * 9000, b'"a":1,' * 2000, b"a=1&" * 1100]
BYTES = st.sampled_from([*TOKENS.split(), b"\x00", b" ", b"\r\n", *MANY])


@st.composite
def mutated(draw: Any, seeds: Sequence[Text], pieces: st.SearchStrategy[Text]) -> Text:
    """A seed with up to four parts replaced, each by a special piece or a part of another seed."""
    text: Text = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(text)))
        end = start + draw(st.sampled_from([0, 0, 1, 1, 2, 3, 8, len(text)]))
        text = text[:start] + draw(pieces | st.sampled_from(seeds)) + text[end:]
    return text


def written(words: Sequence[str]) -> st.SearchStrategy[str]:
    return mutated(words, LETTERS) | st.text(LETTERS, max_size=50) | st.text(max_size=50)


def values(words: Sequence[str]) -> st.SearchStrategy[Any]:
    """Any JSON value, most often a nearly valid string."""
    scalars = st.none() | st.booleans() | st.integers() | st.floats()
    nested = st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(LETTERS, inner, max_size=2), max_leaves=4
    )
    return st.one_of(written(words), written(words), written(words), scalars, nested)


def _encoded(text: str, encoding: str) -> bytes:
    return text.encode(encoding, "surrogatepass")


def bodies(fields: dict[str, list[str]]) -> st.SearchStrategy[bytes]:
    """Valid and broken JSON, forms and files with these fields."""
    given = st.fixed_dictionaries({}, optional={name: values(words) for name, words in fields.items()})
    right = {name: words[0] for name, words in fields.items()}
    texts = st.builds(json.dumps, given, ensure_ascii=st.booleans())
    as_json = st.builds(_encoded, texts, st.sampled_from(["utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-32"]))
    seeds = [json.dumps(right).encode(), urlencode(right).encode(), multipart(right)]
    return st.one_of(as_json, mutated(seeds, BYTES), mutated(seeds, st.binary(max_size=8)), st.binary(max_size=200))


def multipart(fields: dict[str, str]) -> bytes:
    parts = [
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    ]
    file = '--b\r\nContent-Disposition: form-data; name="f"; filename="../a"\r\nContent-Type: x/y\r\n\r\nz\r\n--b--\r\n'
    return "".join([*parts, file]).encode()


CONTENT_TYPES = [
    *("application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"),
    *("application/json; charset=utf-16", "application/x-www-form-urlencoded; charset=koi8-r", "text/plain", ""),
]
content_types = st.sampled_from(CONTENT_TYPES[:3]) | mutated(
    CONTENT_TYPES,
    st.sampled_from(
        [
            *";=/\"', \x00é*",
            "boundary=",
            "charset=",
            "charset=idna",
            "utf-7",
            "charset*=x''a",
            "charset*=utf-8''%00",
            "b" * 90,
        ]
    ),
)
