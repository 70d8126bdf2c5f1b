"""Fields of requests, answers and receipts: templates filled with values, paths looked up, conditions tested."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")

# A field that is left out.
_ABSENT = object()


def fill(template: Any, values: Mapping[str, str]) -> Any:
    """Fill the placeholders of every text in a template, which may be nested.

    A value is put into a parsed field, so it cannot end the field. A field is left out if a placeholder in it has no
    value, and so is a table or list of which nothing is left.
    """
    filled = _fill(template, values)
    return None if filled is _ABSENT else filled


def _fill(template: Any, values: Mapping[str, str]) -> Any:
    if isinstance(template, str):
        if any(not values.get(name) for name in PLACEHOLDER.findall(template)):
            return _ABSENT
        return PLACEHOLDER.sub(lambda found: values[found[1]], template)
    if isinstance(template, dict):
        table = {_fill(key, values): _fill(value, values) for key, value in template.items()}
        kept = {key: value for key, value in table.items() if key is not _ABSENT and value is not _ABSENT}
        return kept if kept or not template else _ABSENT
    if isinstance(template, list):
        items = [item for each in template if (item := _fill(each, values)) is not _ABSENT]
        return items if items or not template else _ABSENT
    return template


def strings(template: Any) -> Iterator[str]:
    """All texts in a template."""
    if isinstance(template, str):
        yield template
    elif isinstance(template, dict | list):
        for each in [*template, *template.values()] if isinstance(template, dict) else template:
            yield from strings(each)


def look_up(fields: Any, path: str) -> list[str]:
    """The values at this path, as texts. `data.0.id` goes into tables and lists; `*` is each key or place."""
    return [as_text(each) for each in _at(fields, path) if not isinstance(each, dict | list) and each is not None]


def look_up_items(fields: Any, path: str) -> list[Any]:
    """The elements of the list at this path, or the one element."""
    return [item for each in _at(fields, path) for item in (each if isinstance(each, list) else [each])]


def apply(fields: Any, conditions: Mapping[str, Any], values: Mapping[str, str], *, every: bool = False) -> bool:
    """Whether every condition applies: a value at its path is one of its values. `~` begins a pattern to search for.

    With `every`, each value at its path must be one of them. A condition may have placeholders for `values`, such as
    the number of the message.
    """
    enough = all if every else any
    for path, wanted in conditions.items():
        found = look_up(fields, path)
        if not found or not enough(_is_wanted(value, wanted, values) for value in found):
            return False
    return True


def read_json(body: bytes, charset: str = "utf-8") -> Any:
    """The body as JSON. Raises ValueError.

    Text in an unexpected encoding is read as Latin-1: the codes and references are ASCII in every encoding that extends
    it.
    """
    try:
        return json.loads(body)
    except UnicodeDecodeError:
        return json.loads(decode(body, charset))


def decode(body: bytes, charset: str = "utf-8") -> str:
    """The body as text in this encoding, in UTF-8 or, if it is neither, in Latin-1."""
    for each in (charset, "utf-8-sig"):
        try:
            return body.decode(each)
        except (ValueError, LookupError):  # the codec `undefined`, for one, raises no UnicodeDecodeError
            continue
    return body.decode("latin-1")


def matched(pattern: str, text: str) -> dict[str, str]:
    """The named groups of the pattern in the text, or none if it is not found."""
    found = re.search(pattern, text)
    return {name: value for name, value in found.groupdict().items() if value is not None} if found else {}


def as_text(value: Any) -> str:
    """A number, a boolean or a text as JSON writes it, without quotation marks."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _at(fields: Any, path: str) -> list[Any]:
    found = [fields]
    for step in path.split(".") if path else []:
        found = [child for each in found for child in _children(each, step)]
    return found


def _children(parent: Any, step: str) -> list[Any]:
    if isinstance(parent, dict):
        return list(parent.values()) if step == "*" else [parent[step]] if step in parent else []
    if isinstance(parent, list):
        if step == "*":
            return parent
        return [parent[int(step)]] if step.isdecimal() and int(step) < len(parent) else []
    return []


def _is_wanted(value: str, wanted: Any, values: Mapping[str, str]) -> bool:
    for each in wanted if isinstance(wanted, list) else [wanted]:
        text = as_text(each)
        if any(not values.get(name) for name in PLACEHOLDER.findall(text)):
            continue  # without its value it would apply to anything
        if text.startswith("~"):
            pattern = PLACEHOLDER.sub(lambda name: re.escape(values.get(name[1], "")), text[1:])
            if re.search(pattern, value, re.IGNORECASE):
                return True
        elif PLACEHOLDER.sub(lambda name: values.get(name[1], ""), text) == value:
            return True
    return False
