"""Bodies of requests. All are UTF-8, and a byte order mark before them is ignored (RFC 8259, 8.1)."""

import codecs
from typing import Any

from django.http import QueryDict
from rest_framework import parsers
from rest_framework.exceptions import ParseError, UnsupportedMediaType


class CompressedBody(UnsupportedMediaType):
    """The body has a `Content-Encoding`."""


class JSONInForm(ParseError):
    """The body looks like JSON, and its Content-Type is that of a form."""


class _NotCompressed(parsers.BaseParser):
    """Refuses a body with a `Content-Encoding`, as RFC 9110 says (15.5.16): it would look like a broken one."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        coding = parser_context["request"].headers.get("Content-Encoding", "").strip().lower()
        if coding not in ("", "identity"):
            raise CompressedBody(coding)
        return super().parse(stream, media_type, parser_context)


class JSONParser(_NotCompressed, parsers.JSONParser):
    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        try:
            return super().parse(stream, media_type, {**parser_context, "encoding": "utf-8-sig"})
        except RecursionError as error:
            raise ParseError("JSON parse error - nested too deeply") from error


class _Form(parsers.FormParser):
    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        body = stream.read().removeprefix(codecs.BOM_UTF8)
        if body.lstrip().startswith((b"{", b"[")):
            raise JSONInForm  # most programs send a form if they are told no type
        return QueryDict(body)


class FormParser(_NotCompressed, _Form):
    """A form without files."""


class MultiPartParser(_NotCompressed, parsers.MultiPartParser):
    """A form with parts, before which a byte order mark means nothing."""
