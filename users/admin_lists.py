"""What the lists of the admin share: quick on large tables, searched by exact phone, for looking."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import ERROR_FLAG
from django.core.paginator import Paginator
from django.db import DataError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.functional import cached_property

from users import phones

COUNTED_ROWS = 10_000
"""Rows of a list that are counted and paged through: who wants one beyond them searches or filters."""


class CappedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no further than COUNTED_ROWS: a full count of a large table takes longer than its page."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[:COUNTED_ROWS].count())


def field_of(offered: Any) -> str:
    """What a filter of a list is called in its URL."""
    if isinstance(offered, tuple):
        return str(offered[0])
    return str(getattr(offered, "parameter_name", offered))


class BrowsedAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """A list that stays quick on large tables, searched by exact phone; rows are not added or deleted by hand.

    Filters that list all values of a column and orders without an index are left out: they read the whole table.
    """

    paginator = CappedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    sortable_by: ClassVar[tuple[str, ...]] = ()
    list_per_page = 50
    phone_lookup = "user__phone"

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return (self.phone_lookup,)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Model], search_term: str
    ) -> tuple[QuerySet[Model], bool]:
        return (self.search(queryset, search_term) if search_term.strip() else queryset), False

    def search(self, queryset: QuerySet[Model], text: str) -> QuerySet[Model]:
        phone = phones.normalise_or_empty(text)
        return queryset.filter(**{self.phone_lookup: phone}) if phone else queryset.none()

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Only what the filters offer: others would read whole tables, or tell a phone digit by digit."""
        fields = [field_of(one) for one in self.list_filter]
        return any(lookup == field or lookup.startswith(f"{field}__") for field in fields)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        try:
            return super().changelist_view(request, extra_context)
        except (DataError, ValueError, OverflowError):  # a filter's value that no row can have
            return HttpResponseRedirect(f"{request.path}?{ERROR_FLAG}=1")

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        return None if "\0" in object_id else super().get_object(request, object_id, from_field)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ReadOnlyAdmin(BrowsedAdmin):
    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
