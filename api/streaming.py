"""Large responses, streamed while they are read from the database. A process sends few at once."""

from collections.abc import Iterator
from itertools import islice
from threading import BoundedSemaphore
from typing import Any

from django.conf import settings
from django.http import StreamingHttpResponse
from rest_framework.renderers import JSONRenderer

# Pieces of JSON, of a row each at most, that are sent at once.
CHUNK = 1000

encode = JSONRenderer.encoder_class(ensure_ascii=False, separators=(",", ":")).encode

# Those that a process sends at once: half of its threads are left for all else.
FILES = BoundedSemaphore(max(1, settings.WEB_THREADS // 2))


class Busy(Exception):
    """This process sends as many large responses as it may at once."""

    retry_after = 5


class File(StreamingHttpResponse):
    """A large response. Raises Busy.

    It takes a thread as long as it is made, and a client that reads slowly holds the thread longer, once the response
    is larger than what its proxy buffers.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if not FILES.acquire(blocking=False):
            raise Busy
        super().__init__(*args, **kwargs)

    def close(self) -> None:
        if not self.closed:
            FILES.release()
        super().close()


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
