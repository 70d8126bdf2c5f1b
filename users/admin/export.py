"""Exports of the admin's lists: all rows of the filtered list, in its order. Each export is logged."""

from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import Any, ClassVar
from wsgiref.util import FileWrapper

from django.conf import settings
from django.contrib import messages
from django.contrib.admin.models import LogEntry
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG, PAGE_VAR, SEARCH_VAR
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db import DataError
from django.db.models import DateTimeField, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from users import deadline, masks, phones, replica
from users.admin import sheets
from users.admin.lists import LargeTableAdmin
from users.keyset import beyond
from users.large_responses import Busy, Large
from users.operators.phone_searches import SEES_PHONES, TooManyPhoneSearches

# Rows that one statement reads and memory holds at once.
BATCH = 5_000

# The most rows of an XLSX file, which is complete before it is sent. The format allows 1,048,576. CSV has no limit.
XLSX_ROWS = 100_000

# Characters of a list's query that the history keeps. An address may have any text there.
LONGEST_FILTER = 500

# The flag of an export in the admin's log. Django's own flags, 1 to 3, mean added, changed and deleted.
EXPORT = 4

Batches = Iterator[list[list[Any]]]
FORMATS = {"csv": "CSV", "xlsx": "XLSX"}
TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

# The log shows a search text of up to this length in full: an invite code with dashes, but not a phone number.
SHORT_SEARCH = 8


class ExportResponse(Large, StreamingHttpResponse):
    """A file on its way. Raises Busy."""


class ExportAdmin(LargeTableAdmin):
    """A list with an export button, for everybody who may see the list."""

    # The headings by column of the model, or of a model that it refers to. Columns named phone hold full numbers for an
    # operator with SEES_PHONES, and masked ones for others.
    exported: ClassVar[dict[str, Any]]

    def exported_to(self, request: HttpRequest) -> dict[str, Any]:
        """Those of them that this operator may see."""
        return self.exported

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"
        return [path("export/", self.admin_site.admin_view(self.export), name=name), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        query = request.GET.copy()
        query.pop(PAGE_VAR, None)
        offered = {"formats": FORMATS, "url": f"export/?{query.urlencode()}", "title": _("Export this list")}
        if any(name.rpartition("__")[2] == "phone" for name in self.exported_to(request)):
            full = request.user.has_perm(SEES_PHONES)
            offered["note"] = (
                _("The file has full phone numbers. Each export is recorded in the history.")
                if full
                else _("Phone numbers are masked.")
            )
        return super().changelist_view(request, {**(extra_context or {}), "export": offered})

    @method_decorator(require_POST)
    def export(self, request: HttpRequest) -> HttpResponseBase:
        """The list that the query asks for, as a file. It is a POST, so that no other site can link to it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        kind = "xlsx" if request.POST.get("format") == "xlsx" else "csv"
        try:
            shown = self.get_changelist_instance(request)
            rows = shown.queryset
            too_long = kind == "xlsx" and rows[XLSX_ROWS : XLSX_ROWS + 1].exists()
        except TooManyPhoneSearches as error:
            return self.too_many_searches(request, error)
        except (DataError, ValueError, OverflowError, IncorrectLookupParameters):
            return redirect(f"../?{ERROR_FLAG}=1")
        if too_long:
            text = _("XLSX is for up to %(rows)d rows. Filter the list, or export it as CSV.") % {"rows": XLSX_ROWS}
            return _back_to_list(request, text)
        name = f"{self.opts.model_name}-{timezone.now():%Y%m%dT%H%M%SZ}.{kind}"
        disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
        try:
            response = ExportResponse(headers=disposition, content_type=TYPES[kind])
        except Busy:
            return _back_to_list(request, _("Other large files are being sent at this moment. Try again later."))
        try:
            order = [str(name) for name in shown.get_ordering(request, shown.root_queryset)]
            response.streaming_content = self._content(request, kind, rows, order)
        except BaseException:
            response.close()
            raise
        return response

    def _content(self, request: HttpRequest, kind: str, rows: QuerySet[Any], order: list[str]) -> Any:
        """What is sent: an XLSX file is complete before that, and CSV is made meanwhile."""
        full = request.user.has_perm(SEES_PHONES)
        exported = self.exported_to(request)
        batches = self._logged(request, kind, full, _batches(rows, list(exported), order, full))
        headings = [self._heading(*one) for one in exported.items()]
        if kind == "csv":
            return sheets.csv_lines(batches, headings, sheets.separator())
        file = TemporaryFile()  # noqa: SIM115 - the response closes it
        sheets.xlsx_file(batches, headings, file)
        return FileWrapper(file)

    def _heading(self, column: str, name: Any) -> str:
        """The name of a column, for times with their zone."""
        model: Any = self.model
        for part in column.split("__"):
            field = model._meta.get_field(part)
            model = field.related_model
        return f"{name} ({settings.TIME_ZONE})" if isinstance(field, DateTimeField) else str(name)

    def _logged(self, request: HttpRequest, kind: str, full: bool, batches: Batches) -> Batches:
        """The same rows, with a line in the log, which gets the number of rows at the end."""
        said = _("Exported as %(format)s; filter: %(filter)s; phones: %(phones)s; rows: %(rows)s")
        what = {"format": FORMATS[kind], "filter": _filter(request), "phones": _("full") if full else _("masked")}
        entry = LogEntry.objects.create(
            user_id=request.user.pk,  # type: ignore[misc] # only operators get here
            content_type=ContentType.objects.get_for_model(self.model),
            object_repr=(_("Export: %(list)s") % {"list": f"{self.opts.verbose_name_plural}, {FORMATS[kind]}"})[:200],
            action_flag=EXPORT,
            change_message=said % {**what, "rows": _("incomplete")},
        )

        def counted() -> Batches:
            number = 0
            for rows in batches:
                yield rows
                number += len(rows)
            LogEntry.objects.filter(pk=entry.pk).update(change_message=said % {**what, "rows": number})

        return counted()


def _back_to_list(request: HttpRequest, error: str) -> HttpResponse:
    """The same list, with the reason why it is not exported."""
    messages.error(request, error)
    return redirect(f"../?{request.GET.urlencode()}")


def _batches(rows: QuerySet[Any], columns: list[str], order: list[str], full: bool) -> Batches:
    """All rows in this order, which ends with the primary key. Each batch starts after the last row.

    An operator waits for a batch as long as it takes.
    """
    left = rows = rows.values_list(*columns, *(name.removeprefix("-") for name in order))
    while batch := _read_batch(left[:BATCH]):
        yield [[_cell(name, value, full) for name, value in zip(columns, row, strict=False)] for row in batch]
        left = rows.filter(beyond(order, batch[-1][-len(order) :]))


def _read_batch(rows: QuerySet[Any]) -> list[Any]:
    with deadline.within(None):
        return replica.read(lambda _age: list(rows))


def _cell(column: str, value: Any, full: bool) -> Any:
    """A phone is a text: its plus sign starts no formula, because the database allows only digits after it."""
    if column.rpartition("__")[2] != "phone" or value is None:
        return sheets.cell(value)
    return value if full else phones.mask(value)


def _filter(request: HttpRequest) -> str:
    """The list's query for the log, with phone numbers masked."""
    said = []
    for name, value in sorted(request.GET.dict().items()):
        text = str(value).replace("\0", "").strip()
        hidden = name == SEARCH_VAR and len(text) > SHORT_SEARCH
        said.append(f"{name}={phones.mask(text) if hidden else masks.mask_phones(text)}")
    return "; ".join(said)[:LONGEST_FILTER] or _("none")
