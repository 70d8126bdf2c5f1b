"""The base class of the admin's lists: quick on large tables, searched by user, read-only."""

import math
from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.admin.views.main import ERROR_FLAG, ChangeList
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import DataError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.formats import date_format
from django.utils.functional import cached_property
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.text import capfirst
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as N_

from users import replica
from users.admin import search
from users.admin.fresh import FreshForm
from users.models import User
from users.operators import phone_searches

# The most rows that a list counts and pages through, and that an action changes: "Select all" names this number, but
# Django means all rows of the list. To reach others, an operator searches or filters.
COUNTED_ROWS = 1_000

# Django's words that translations replace. The first of them leave the name out: they would need it in another case.
DJANGO = (N_("Add %(name)s"), N_("Close"), N_("Start typing to filter…"))


def shown(value: Any) -> str:
    """A computed value as pages show fields. On the page of an object, Django would write `None`, and times in UTC."""
    if isinstance(value, datetime):
        return date_format(localtime(value), "DATETIME_FORMAT").replace(" ", "\N{NO-BREAK SPACE}")
    return str(value or admin.site.empty_value_display)


def marked(tone: str, text: str) -> str:
    """This text behind a dot: `good`, `bad` or `open`. Without a tone the dot is grey."""
    return format_html('<span class="outcome {}">{}</span>', tone, text)


def breakable(name: Any) -> str:
    """This name of a host, broken between its parts only, if it is long."""
    return format_html_join(mark_safe(".<wbr>"), "{}", ((part,) for part in str(name).split(".")))


class CappedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts at most COUNTED_ROWS rows: a full count of a large table takes longer than its page.

    It counts in the order of the list, because the index of that order has the first rows.
    """

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows[:COUNTED_ROWS].count())

    @property
    def capped_at(self) -> int:
        """The limit of the count, if it was reached: there may be more rows. Otherwise 0."""
        return COUNTED_ROWS if self.count == COUNTED_ROWS else 0


class LargeTableList(ChangeList):
    """Every statement of the list uses an index and has a limit. tests/ops/test_plans.py measures it.

    Django documents this class as the one to inherit to change a list (`ModelAdmin.get_changelist`). A limit set in
    `get_search_results` is not enough: with the limit of the count instead of the page's, joins read whole tables.
    """

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        # Beside the search, Django shows the number of rows if it is not `full_result_count`. Hide it without a search,
        # and where the count is capped.
        if not self.query or self.paginator.capped_at:
            self.full_result_count = self.result_count
        # Django sets no limit if there is one page. Keys first: with joins PostgreSQL may read a whole range of times.
        page = self.result_list if self.multi_page else self.paginator.page(1).object_list
        self.result_list = self.queryset.filter(pk__in=list(page.values_list("pk", flat=True)))

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        """One column of `sortable_by`, then the primary key in the same direction: this is what the indexes hold."""
        first = str(super().get_ordering(request, queryset)[0])
        if first.removeprefix("-") not in {*(self.sortable_by or ()), "pk"}:
            first = str(self.model_admin.get_ordering(request)[0])
        return [first, "-pk" if first.startswith("-") else "pk"]


class ForgivingAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Gives lists a title in every language. Refuses ids, conditions and values that no link and no form here has:
    Django's own admin fails for some of those."""

    form = FreshForm
    # What an empty list says.
    empty_text: Any = gettext_lazy("Nothing is here yet.")
    # The title of the form that adds an object.
    new_title: Any = ""

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        return None if "\0" in object_id else super().get_object(request, object_id, from_field or None)

    def to_field_allowed(self, request: HttpRequest, to_field: str) -> bool:
        """The primary key only: forms here refer to no other field. Django's own fails for the name of a relation."""
        return to_field in {self.opts.pk.name, self.opts.pk.attname}

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Allow the list's own filters only: others read whole tables, or reveal digit by digit what no page shows.

        Django's own check refuses lookups that follow a relation from there to other tables.
        """
        offered = [name for one in self.list_filter for name in self._lookups_of(one)]
        return lookup in offered and super().lookup_allowed(lookup, value, request)

    def _lookups_of(self, one: Any) -> list[str]:
        """The names that the choices of this filter have in an address."""
        if isinstance(one, tuple):  # a field with a filter class of its own
            one = one[0]
        if not isinstance(one, str):
            return [one.parameter_name]
        if self.opts.get_field(one).is_relation:
            return [f"{one}__id__exact"]
        return [f"{one}__gte", f"{one}__lt"]  # of a time

    def get_paginator(self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any) -> Any:
        """Also of a history, which Django begins with the oldest entry."""
        if queryset.model is LogEntry:
            queryset = queryset.order_by("-action_time", "-pk")
        return super().get_paginator(request, queryset, *args, **kwargs)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Titled with the name of the list. Django's own titles put the name into a sentence, without its case."""
        title = capfirst(str(self.opts.verbose_name_plural))
        try:
            response = super().changelist_view(request, {"title": title, **(extra_context or {})})
            return response.render() if isinstance(response, TemplateResponse) else response
        except (DataError, ValueError, OverflowError):  # a filter's value, or an id of an action, that no row can have
            return redirect(f"{request.path}?{ERROR_FLAG}=1")

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        """With one button to save."""
        title = ("" if object_id else self.new_title) or capfirst(str(self.opts.verbose_name))
        own = {"title": title, "show_save_and_continue": False, "show_save_and_add_another": False}
        page = super().changeform_view(request, object_id, form_url, {**own, **(extra_context or {})})
        if isinstance(page, TemplateResponse) and page.context_data and page.context_data.get("original"):
            page.context_data["subtitle"] = self.heading(page.context_data["original"])
        return page

    def heading(self, obj: Any) -> str:
        """The name of an object above its page, in words. Empty if the title alone is enough."""
        return str(obj)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied  # Django's own looks for the object first, and so tells whether there is one
        of = self.heading(obj) if (obj := self.get_object(request, object_id)) else ""
        own = {"title": _("History"), "subtitle": of or capfirst(str(self.opts.verbose_name)), "of": of}
        return super().history_view(request, object_id, {**own, **(extra_context or {})})

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        return super().delete_view(request, object_id, {"title": _("Delete"), **(extra_context or {})})


class LargeTableAdmin(ForgivingAdmin):
    """A list that stays quick on large tables and finds the rows of a user. Its rows are read-only.

    It has no filters that list all values of a column, and no filters or orders without an index: they read the whole
    table. A filter on a time needs a list in the order of that time.
    """

    paginator = CappedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    actions: Any = None
    ordering: ClassVar[tuple[str, ...]] = ("-pk",)
    sortable_by: ClassVar[tuple[str, ...]] = ()
    list_per_page = 50
    # The path from the model to the phone number of the user that a row is about.
    search_fields: ClassVar[tuple[str, ...]] = ()
    search_help_text = search.HELP

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return LargeTableList

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> Any:
        if not search_term.strip() or not self.search_fields:
            return queryset, False
        # Every search comes by here: that of a list and of its export.
        if part := search.part_of_a_phone(search_term):
            phone_searches.check(request.user, part, self.opts.label_lower)
        # The admin class of users is registered elsewhere: with profiles, it finds them by invite code too.
        found = self.admin_site.get_model_admin(User).find_users(search_term)  # type: ignore[attr-defined]
        return self.of_users(request, queryset, found), False

    def of_users(self, request: HttpRequest, queryset: QuerySet[Model], users: list[int]) -> QuerySet[Model]:
        """The rows of these users. Their ids are known by now: joins would read whole tables."""
        path = self.search_fields[0].rpartition("__")[0] or "pk"
        return queryset.filter(**{f"{path}__in": users})

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The list, from the replica if there is one."""
        return replica.read(lambda age: self._rendered(request, {**(extra_context or {}), "data_age": age}))

    def _rendered(self, request: HttpRequest, extra_context: Any) -> HttpResponse:
        """With all that the template reads, so that it comes from the same database."""
        try:
            return super().changelist_view(request, extra_context)
        except phone_searches.TooManyPhoneSearches as error:
            return self.too_many_searches(request, error)

    def too_many_searches(self, request: HttpRequest, error: phone_searches.TooManyPhoneSearches) -> HttpResponse:
        """The list without the search, with a message."""
        told = _(
            "You searched for %(limit)d different phone numbers within an hour, which is the limit without the"
            " permission to see full phone numbers. Try again in %(minutes)d minutes."
        )
        minutes = math.ceil(error.retry_after / 60)
        messages.error(request, told % {"limit": phone_searches.PHONES_AN_HOUR, "minutes": minutes})
        return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    has_add_permission = has_delete_permission = has_change_permission


class ChoiceFilter(admin.SimpleListFilter):
    """A filter with a few choices. Each has an index or matches most of the table."""

    # For each choice by its name in the URL: the title and the condition on the rows.
    choices_offered: ClassVar[dict[str, tuple[Any, dict[str, Any]]]]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(name, title) for name, (title, _condition) in self.choices_offered.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        _title, condition = self.choices_offered.get(self.value() or "", ("", {}))
        return queryset.filter(**condition)
