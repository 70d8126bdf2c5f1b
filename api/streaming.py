"""Large JSON objects, streamed while they are read from the database."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.http import StreamingHttpResponse
from rest_framework.renderers import JSONRenderer

from users.large_responses import Large

# Pieces of JSON, of a row each at most, that are sent at once.
CHUNK = 1000

encode = JSONRenderer.encoder_class(ensure_ascii=False, separators=(",", ":")).encode


class File(Large, StreamingHttpResponse):
    """A large response. Raises Busy."""


def json_object(members: dict[str, Any]) -> File:
    """A JSON object; a member that is an iterator becomes an array of what it yields. Raises Busy."""
    return File(_chunks(_pieces(members)), content_type="application/json")


def _chunks(pieces: Iterator[str]) -> Iterator[str]:
    while chunk := list(islice(pieces, CHUNK)):
        yield "".join(chunk)


def _pieces(members: dict[str, Any]) -> Iterator[str]:
    for number, (name, value) in enumerate(members.items()):
        yield f"{',' if number else '{'}{encode(name)}:"
        if isinstance(value, Iterator):
            yield from _array(value)
        else:
            yield encode(value)
    yield "}"


def _array(rows: Iterator[Any]) -> Iterator[str]:
    yield "["
    for number, row in enumerate(rows):
        yield f"{',' if number else ''}{encode(row)}"
    yield "]"
