"""Pages as keysets on a unique row value: any page costs what the first one costs.

A cursor holds the row value at a page's edge, and PostgreSQL compares rows, `(a, b) < (x, y)`, straight in the index.
(DRF's own CursorPagination skips by OFFSET inside runs of equal values, and never ends on long ones.)
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import BooleanField, F, Field, ForeignKey, Func, Model, QuerySet, Value
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.serializers import Serializer
from rest_framework.utils.urls import replace_query_param

from api import exceptions

Row = TypeVar("Row", bound=Model)
PAGE_SIZE = 50


@dataclass(frozen=True)
class Page(Generic[Row]):
    results: list[Row]
    next: str | None
    previous: str | None

    def answer(self, shape: type[Serializer[Any]]) -> dict[str, Any]:
        return {"next": self.next, "previous": self.previous, "results": shape(self.results, many=True).data}


@dataclass(frozen=True)
class Keyset:
    """An order over two fields whose values together are unique, such as ("-created_at", "-invitee_id")."""

    first: str
    second: str

    @property
    def descending(self) -> bool:
        return self.first.startswith("-")

    @property
    def names(self) -> tuple[str, str]:
        return self.first.lstrip("-"), self.second.lstrip("-")

    def page(self, rows: QuerySet[Row], request: Request) -> Page[Row]:
        """The page that the request's `cursor` points at. Raises ValidationError on a cursor that is not ours."""
        cursor = request.query_params.get("cursor")
        backwards, edge = self._read(cursor, rows.model) if cursor else (False, None)
        if edge is not None:
            rows = rows.filter(self._beyond(edge, backwards))
        order = [F(name).desc() if self.descending != backwards else F(name).asc() for name in self.names]
        found = list(rows.order_by(*order)[: PAGE_SIZE + 1])
        more, found = len(found) > PAGE_SIZE, found[:PAGE_SIZE]
        if backwards:
            found.reverse()
        return Page(
            results=found,
            next=self._link(request, found, -1, backwards=False) if more or backwards else None,
            previous=self._link(request, found, 0, backwards=True) if (more if backwards else cursor) else None,
        )

    def link_after(self, url: str, edge: tuple[Any, Any]) -> str:
        """The address of what follows the row that has these values."""
        return replace_query_param(url, "cursor", self._write(edge, backwards=False))

    def _beyond(self, edge: list[Value], backwards: bool) -> Func:
        operator = " < " if self.descending != backwards else " > "
        return Func(
            _row(*map(F, self.names)),
            _row(*edge),
            template="%(expressions)s",
            arg_joiner=operator,
            output_field=BooleanField(),
        )

    def _link(self, request: Request, found: list[Row], index: int, backwards: bool) -> str | None:
        if not found:
            return None
        cursor = self._write([getattr(found[index], name) for name in self.names], backwards)
        return replace_query_param(request.build_absolute_uri(), "cursor", cursor)

    def _write(self, edge: Sequence[Any], backwards: bool) -> str:
        values = [value.isoformat() if isinstance(value, datetime) else str(value) for value in edge]
        text = json.dumps([self.first, backwards, *values])
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def _read(self, cursor: str, model: type[Model]) -> tuple[bool, list[Value]]:
        try:
            text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            order, backwards, *values = json.loads(text)
            if order != self.first or not isinstance(backwards, bool):
                raise ValueError(order)
            edge = [_parse(model._meta.get_field(n), v) for n, v in zip(self.names, values, strict=True)]
        except (ValueError, TypeError, binascii.Error, ValidationError, RecursionError) as error:
            raise exceptions.field_error("cursor", "invalid", _("This is not a cursor of this list.")) from error
        return backwards, edge


def _row(*values: Any) -> Func:
    return Func(*values, template="(%(expressions)s)", output_field=BooleanField())


def _parse(field: Field[Any, Any], text: Any) -> Value:
    if not isinstance(text, str):
        raise TypeError(text)
    while isinstance(field, ForeignKey):
        field = field.target_field
    value = field.to_python(text)
    field.run_validators(value)  # the column's range
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError(text)
    return Value(value, output_field=field)
