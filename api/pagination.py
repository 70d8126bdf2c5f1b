"""Keyset pagination on a unique row value: each page costs the same as the first.

A cursor holds the row value at the edge of a page, and `users.keyset` compares it with the rows.
REST framework's CursorPagination uses OFFSET inside runs of equal values and never ends on long runs.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.core.exceptions import ValidationError
from django.db.models import ForeignKey, Model, Value
from django.utils.translation import gettext_lazy as _
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api import exceptions, links
from users import replica
from users.keyset import beyond

NOT_A_CURSOR = _("This is not a cursor of this list.")


class KeysetPagination(BasePagination):
    """Pages in the order of two fields whose values together are unique, such as `("-created_at", "-invitee_id")`."""

    page_size = 50
    ordering: tuple[str, str]

    def get_ordering(self, request: Request) -> tuple[str, str]:
        """The two fields of the order, both ascending or both descending."""
        return self.ordering

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any]:
        """The rows of the page that `?cursor=` names. Raises ValidationError for a cursor of another list."""
        order = self.get_ordering(request)
        names = [name.lstrip("-") for name in order]
        cursor = request.query_params.get("cursor") or None  # some clients send null as an empty value
        backwards, edge = (False, None) if cursor is None else _read(cursor, order, queryset.model)
        direction = _reversed(order) if backwards else order
        if edge is not None:
            queryset = queryset.filter(beyond(direction, edge))
        found = list(queryset.order_by(*direction)[: self.page_size + 1])
        more, found = len(found) > self.page_size, found[: self.page_size]
        if backwards:
            found.reverse()
        has_next, has_previous = (True, more) if backwards else (more, cursor is not None)
        edges = [[getattr(row, name) for name in names] for row in found]
        self.url = links.absolute(request, request.get_full_path())
        self.next_cursor = _cursor(order, edges[-1], False) if found and has_next else None
        self.previous_cursor = _cursor(order, edges[0], True) if found and has_previous else None
        return found

    def get_paginated_response(self, data: Any) -> Response:
        return Response(
            {
                "next": self.next_cursor and _link(self.url, self.next_cursor),
                "previous": self.previous_cursor and _link(self.url, self.previous_cursor),
                "next_cursor": self.next_cursor,
                "previous_cursor": self.previous_cursor,
                "results": data,
            }
        )

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        cursor = {"type": ["string", "null"], "example": None}
        url = {**cursor, "format": "uri"}
        properties = {
            "next": {**url, "description": "The page after this one; null on the last"},
            "previous": {**url, "description": "The page before this one; null on the first"},
            "next_cursor": {**cursor, "description": "The `cursor` of `next`; null on the last page"},
            "previous_cursor": {**cursor, "description": "The `cursor` of `previous`; null on the first page"},
            "results": schema,
        }
        return {"type": "object", "properties": properties, "required": list(properties)}


class InvitationsPagination(KeysetPagination):
    ordering = ("-created_at", "-invitee_id")

    def link_after(self, url: str, edge: tuple[datetime, int]) -> str:
        """The URL of the page that follows the row with these values. `url` is that of the list, without a query."""
        return f"{url}?cursor={_cursor(self.ordering, edge, False)}"


class ProfilesPagination(KeysetPagination):
    """In the order that `?ordering=` names, from the replica if there is one."""

    orderings = {
        name: (name, "-user_id" if name.startswith("-") else "user_id")
        for name in ("-created_at", "created_at", "-invitations_count", "invitations_count")
    }

    def get_ordering(self, request: Request) -> tuple[str, str]:
        return self.orderings[request.query_params.get("ordering", "-created_at")]

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any]:
        def page(age: int | None) -> list[Any]:
            self.age = age
            return super(ProfilesPagination, self).paginate_queryset(queryset, request, view)

        return replica.read(page)

    def get_paginated_response(self, data: Any) -> Response:
        response = super().get_paginated_response(data)
        if self.age is not None:  # of the replica's data, in seconds
            response["X-Data-Age"] = str(self.age)
        return response


def _link(url: str, cursor: str) -> str:
    parts = urlsplit(url)
    query = {**dict(parse_qsl(parts.query, keep_blank_values=True)), "cursor": cursor}
    return parts._replace(query=urlencode(sorted(query.items()))).geturl()


def _cursor(order: tuple[str, str], edge: Sequence[Any], backwards: bool) -> str:
    values = [value.isoformat() if isinstance(value, datetime) else str(value) for value in edge]
    text = json.dumps([order[0], backwards, *values])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _reversed(order: tuple[str, str]) -> tuple[str, ...]:
    return tuple(name.removeprefix("-") if name.startswith("-") else f"-{name}" for name in order)


def _read(cursor: str, order: tuple[str, str], model: type[Model]) -> tuple[bool, list[Value]]:
    """The direction and the edge that this cursor holds."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        name, backwards, *values = json.loads(text)
        if name != order[0] or not isinstance(backwards, bool):
            raise ValueError(name)
        fields = [model._meta.get_field(name.lstrip("-")) for name in order]
        edge = [_parse(field, value) for field, value in zip(fields, values, strict=True)]
    except (ValueError, TypeError, binascii.Error, ValidationError, RecursionError) as error:
        raise exceptions.field_error("cursor", "invalid", NOT_A_CURSOR) from error
    return backwards, edge


def _parse(field: Any, text: Any) -> Value:
    """The value of this column that the text stands for. Raises ValueError, TypeError or ValidationError."""
    if not isinstance(text, str):
        raise TypeError(text)
    while isinstance(field, ForeignKey):
        field = field.target_field
    value = field.to_python(text)
    field.run_validators(value)  # the column's range
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError(text)
    return Value(value, output_field=field)
