"""What the lists of the admin share: quick on large tables, searched by exact phone, for looking."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.utils import get_fields_from_path
from django.contrib.admin.views.main import ERROR_FLAG, ChangeList
from django.core.paginator import Paginator
from django.db import DataError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.functional import cached_property

from users import phones

# The permission to see whole phones.
SEES_PHONES = "users.view_phone"

# Rows of a list that are counted and paged through: who wants one beyond them searches or filters.
COUNTED_ROWS = 1_000


class CappedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no further than COUNTED_ROWS: a full count of a large table takes longer than its page.

    In the order of the list, whose index has the rows that it shows first; in no order others would be read as well.
    """

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows[:COUNTED_ROWS].count())


class OneWayList(ChangeList):
    """Sorts by one column, of those that may be, and rows of equal value the same way: as an index has them."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        # Django reads a list of one page without saying so, and PostgreSQL prepares itself for many more rows.
        if not self.result_list.query.is_sliced:
            self.result_list = self.result_list[: self.list_max_show_all if self.show_all else self.list_per_page]

    def get_ordering_field(self, field_name: Any) -> Any:
        return super().get_ordering_field(field_name) if field_name in (self.sortable_by or ()) else None

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        first = str(super().get_ordering(request, queryset)[0])
        return [first, "-pk" if first.startswith("-") else "pk"]


def field_of(offered: Any) -> str:
    """What a filter of a list is called in its URL."""
    if isinstance(offered, tuple):
        return str(offered[0])
    return str(getattr(offered, "parameter_name", offered))


def named_columns(model: type[Model], columns: str) -> dict[str, Any]:
    """By each of these columns of the model, or of those it refers to, what it is called."""
    return {column: get_fields_from_path(model, column)[-1].verbose_name for column in columns.split()}


class BrowsedAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """A list that stays quick on large tables, searched by exact phone; rows are not added or deleted by hand.

    Filters that list all values of a column, and filters and orders without an index, are left out: they read the whole
    table. A filter on a time needs a list in the order of that time.
    """

    paginator = CappedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    sortable_by: ClassVar[tuple[str, ...]] = ()
    list_per_page = 50
    phone_lookup = "user__phone"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return OneWayList

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return (self.phone_lookup,) if self.phone_lookup else ()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Model], search_term: str
    ) -> tuple[QuerySet[Model], bool]:
        searched = search_term.strip() and self.phone_lookup
        return (self.search(queryset, search_term) if searched else queryset), False

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


class Choice(admin.SimpleListFilter):
    """A filter of a few choices, each of which has an index or is most of the table."""

    # By name in the URL: what it is called, and the condition that it puts on the rows.
    choices_offered: ClassVar[dict[str, tuple[Any, dict[str, Any]]]]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(name, title) for name, (title, _) in self.choices_offered.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        _, condition = self.choices_offered.get(self.value() or "", ("", {}))
        return queryset.filter(**condition)
