"""Requests of providers, such as delivery receipts: query, form and JSON are read alike into fields."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings

from users.sms import fields

Pairs = list[tuple[str, str]]

# More fields than this are not read.
MAX_FIELDS = 1000


@dataclass(frozen=True)
class Inbound:
    """A request as it arrived. Nothing in it can be trusted, and none of its properties raises."""

    path: str
    query: str
    # By names in any case.
    headers: Mapping[str, str]
    body: bytes

    @property
    def url(self) -> str:
        """The URL to which the provider sent it. Not that of the `Host`: a proxy may have changed it."""
        return f"{settings.SITE_URL}{self.path}{f'?{self.query}' if self.query else ''}"

    @cached_property
    def query_fields(self) -> Pairs:
        return self._parsed(self.query)

    @cached_property
    def form(self) -> Pairs:
        """The fields of a body that is a form."""
        kind = self.headers.get("Content-Type", "").lower()
        if self.json is not None or kind.startswith("multipart/"):
            return []
        return self._parsed(self.body.decode("latin-1"))

    @cached_property
    def json(self) -> Any:
        """The body as JSON, or None if it is something else."""
        if not self.body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")):
            return None
        try:
            return fields.read_json(self.body.lstrip(b"\xef\xbb\xbf"))
        except (ValueError, RecursionError):
            return None

    @property
    def text(self) -> str:
        return fields.decode(self.body)

    @cached_property
    def fields(self) -> Any:
        """All fields by name: those of the body go before those of the query. Or the list that the body is."""
        if isinstance(self.json, list):
            return self.json
        return {**dict(self.query_fields), **dict(self.form), **(self.json or {})}

    def _parsed(self, text: str) -> Pairs:
        try:
            return parse_qsl(text, True, errors="replace", max_num_fields=MAX_FIELDS)
        except ValueError:
            return []
