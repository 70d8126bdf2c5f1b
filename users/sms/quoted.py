"""What an answer quotes of its request. Providers quote secrets as they are, in lower case, escaped or in base64."""

import base64
import html
import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote_to_bytes

# A shorter value is a part of many words.
_SHORTEST = 4
# A shorter value has too few characters of its own in base64.
_SHORTEST_IN_BASE64 = 6

# Characters as URLs, HTML, JSON and programs write them, also if that was done twice.
_ESCAPED = re.compile(
    r"(?P<octets>(?:%(?:25)*[0-9a-f]{2})+)|&(?:amp;)*(?P<entity>#?\w{1,32});"
    r"|(?P<units>(?:\\+u[0-9a-f]{4})+)|\\+x(?P<octet>[0-9a-f]{2})|\\+",
    re.IGNORECASE | re.ASCII,
)
_IN_BASE64 = re.compile(r"[\w+/=%-]", re.ASCII)

# From where to where something stands in a text.
Span = tuple[int, int]


def hide(text: str, values: Mapping[str, str]) -> str:
    """The text with `***` in place of these values of a request, however they are written."""
    hidden, at = [], 0
    for start, end in sorted(_spans(text, values)):
        if end > at:
            hidden += [text[at : max(start, at)], "***" if start >= at else ""]
            at = end
    return "".join([*hidden, text[at:]])


def is_in(text: str, values: Mapping[str, str]) -> bool:
    """Whether the text quotes one of these values of a request, however it is written."""
    return any(_spans(text, values))


def _spans(text: str, values: Mapping[str, str]) -> Iterator[Span]:
    plain, places = _unescaped(text)
    secrets = {value.removeprefix("whsec_") for value in values.values()}
    if "user" in values:
        secrets.add(f"{values['user']}:{values.get('password', '')}")  # of basic authentication
    for secret in secrets:
        if len(secret) < _SHORTEST:
            continue
        for written in {secret, secret.replace(" ", "+")}:
            # A secret may itself look escaped: `%41` is quoted as it is, or as `%2541`.
            for form in {_unescaped(written)[0], _folded(written)}:
                yield from _found(form, plain, places)
        if len(secret) >= _SHORTEST_IN_BASE64:
            for written in _in_base64(secret):
                yield from (_whole_word(text, span) for span in _found(written, plain, places))


def _unescaped(text: str) -> tuple[str, list[Span]]:
    """The text without escapes and capitals, and for each of its characters where that stands in the text."""
    plain: list[str] = []
    places: list[Span] = []

    def add(characters: str, place: Span) -> None:
        folded = _folded(characters)
        plain.append(folded)
        places.extend([place] * len(folded))

    at = 0
    for escaped in [*_ESCAPED.finditer(text), None]:
        start = escaped.start() if escaped else len(text)
        for place in range(at, start):
            add(text[place], (place, place + 1))
        if escaped:
            add(_character(escaped), escaped.span())
            at = escaped.end()
    return "".join(plain), places


def _folded(text: str) -> str:
    """Without capitals and backslashes: one may escape the character after it."""
    return text.casefold().replace("\\", "")


def _character(escaped: re.Match[str]) -> str:
    """What is escaped here. Nothing for a backslash alone: it stands before another character."""
    if octets := escaped["octets"]:
        return unquote_to_bytes(re.sub("%(?:25)+", "%", octets)).decode(errors="replace")
    if entity := escaped["entity"]:
        return html.unescape(f"&{entity};")
    if units := escaped["units"]:
        return bytes.fromhex(re.sub(r"\\+u", "", units, flags=re.IGNORECASE)).decode("utf-16-be", "replace")
    return chr(int(escaped["octet"], 16)) if escaped["octet"] else ""


def _in_base64(secret: str) -> set[str]:
    """The characters that belong to the secret alone, wherever it begins within three octets, in both alphabets."""
    found = set()
    octets = secret.encode(errors="replace")
    for before in range(3):
        whole = base64.b64encode(bytes(before) + octets).decode()
        own = whole[-(-before * 8 // 6) : (before + len(octets)) * 8 // 6].casefold()
        found |= {own, own.replace("+", "-").replace("/", "_")}
    return found


def _found(wanted: str, plain: str, places: list[Span]) -> Iterator[Span]:
    at = plain.find(wanted) if wanted else -1
    while at >= 0:
        yield places[at][0], places[at + len(wanted) - 1][1]
        at = plain.find(wanted, at + len(wanted))


def _whole_word(text: str, span: Span) -> Span:
    start, end = span
    while start > 0 and _IN_BASE64.match(text[start - 1]):
        start -= 1
    while end < len(text) and _IN_BASE64.match(text[end]):
        end += 1
    return start, end
