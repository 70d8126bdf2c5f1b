"""Lists of the admin as files: all rows of the filtered list, in its order. Who took what is logged."""

from __future__ import annotations

from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin.models import LogEntry
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG, PAGE_VAR, SEARCH_VAR
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db import DataError
from django.db.models import F, Model, QuerySet
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan
from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from users import context, phones
from users.admin import sheets
from users.admin.lists import SEES_PHONES, BrowsedAdmin
from users.models import User

# Rows read by one statement and held in memory at once.
BATCH = 5_000

# The most in one XLSX file, which is made before it is sent; the format holds 1,048,576. CSV has no end.
XLSX_ROWS = 100_000

# In the admin's log. Django's own flags, 1 to 3, mean added, changed and deleted, and are shown with such a mark.
EXPORT = 4

FORMATS = {"csv": "CSV", "xlsx": "XLSX"}
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

# Characters of what was searched for up to which it is logged whole: an invite code with dashes, but not a phone.
SHORT_SEARCH = 8


class ExportedAdmin(BrowsedAdmin):
    """A list that may be taken as a file by whoever may see it."""

    # Headings by the column of the model, or of those it refers to; a column called phone is masked as everywhere.
    exported: ClassVar[dict[str, Any]]

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"
        return [path("export/", self.admin_site.admin_view(self.export), name=name), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        query = request.GET.copy()
        query.pop(PAGE_VAR, None)
        offered = {"formats": FORMATS, "url": f"export/?{query.urlencode()}", "title": _("Export this list")}
        return super().changelist_view(request, {**(extra_context or {}), "export": offered})

    @method_decorator(require_POST)
    def export(self, request: HttpRequest) -> HttpResponseBase:
        """The list that the query asks for, as a file. A form sends it, so that no other site can."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        kind = "xlsx" if request.POST.get("format") == "xlsx" else "csv"
        try:
            rows = self.exported_rows(request)
            too_long = kind == "xlsx" and rows[XLSX_ROWS : XLSX_ROWS + 1].exists()
        except (DataError, ValueError, OverflowError, IncorrectLookupParameters):
            return HttpResponseRedirect(f"../?{ERROR_FLAG}=1")
        if too_long:
            text = _("XLSX is for up to %(rows)d rows. Filter the list, or export it as CSV.") % {"rows": XLSX_ROWS}
            messages.error(request, text)
            return HttpResponseRedirect(f"../?{request.GET.urlencode()}")
        whole = request.user.has_perm(SEES_PHONES)
        return _file(kind, self, _logged(request, self, kind, whole, self._cells(rows, whole)))

    def exported_rows(self, request: HttpRequest) -> QuerySet[Any]:
        """The rows of the filtered list, in its order, but for its search: that is done by `search_all`."""
        shown = self.get_changelist_instance(request)
        text, shown.query = shown.query, ""
        rows: QuerySet[Any] = shown.get_queryset(request)
        return self.search_all(rows, text) if text.strip() else rows

    def search_all(self, queryset: QuerySet[Model], text: str) -> QuerySet[Model]:
        """What a file holds, where the list itself shows only the first of what was searched for."""
        return self.search(queryset, text)

    def _cells(self, rows: QuerySet[Any], whole: bool) -> Iterator[list[sheets.Row]]:
        columns = list(self.exported)
        are_phones = [column.rpartition("__")[2] == "phone" for column in columns]
        for batch in _batches(rows, columns):
            yield [
                [_phone(value, whole) if is_phone else sheets.cell(value)
                 for value, is_phone in zip(row, are_phones, strict=True)]
                for row in batch
            ]  # fmt: skip


def _phone(phone: str | None, whole: bool) -> str:
    """As text: its plus is no formula's, for the database holds it to digits."""
    return (phone if whole else phones.mask(phone)) if phone else ""


def _batches(rows: QuerySet[Any], columns: list[str]) -> Iterator[list[tuple[Any, ...]]]:
    """All rows in their order, which ends with the primary key; each batch starts after the last one's end."""
    first = str(rows.query.order_by[0])
    edge = [F(first.lstrip("-")), F("pk")]
    beyond = TupleLessThan if first.startswith("-") else TupleGreaterThan
    left = rows = rows.values_list(*columns, first.lstrip("-"), "pk")
    while batch := list(left[:BATCH]):
        yield [row[:-2] for row in batch]
        left = rows.filter(beyond(Tuple(*edge), batch[-1][-2:]))


def _file(kind: str, admin: ExportedAdmin, batches: Iterator[list[sheets.Row]]) -> HttpResponseBase:
    headings = [str(heading) for heading in admin.exported.values()]
    name = f"{admin.opts.model_name}-{timezone.now():%Y%m%dT%H%M%SZ}.{kind}"
    if kind == "xlsx":
        file = TemporaryFile()  # noqa: SIM115 - the response closes it
        sheets.xlsx_file(batches, headings, file)
        return FileResponse(file, as_attachment=True, filename=name, content_type=XLSX)
    lines = sheets.csv_lines(batches, headings)
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=disposition)


def _logged(
    request: HttpRequest, admin: ExportedAdmin, kind: str, whole: bool, batches: Iterator[list[sheets.Row]]
) -> Iterator[list[sheets.Row]]:
    """The same rows, after a line in the log about them, which tells in the end how many there were."""
    what = {"format": FORMATS[kind], "filter": _filter(request), "phones": _("whole") if whole else _("masked")}
    said = _("Exported as %(format)s; filter: %(filter)s; phones: %(phones)s; rows: %(rows)s")
    begun = said % {**what, "rows": _("not to the end")}
    assert isinstance(request.user, User)  # or the view would not be reached
    entry = LogEntry.objects.create(
        user=request.user,
        content_type=ContentType.objects.get_for_model(admin.model),
        object_repr=(_("Export: %(list)s") % {"list": f"{admin.opts.verbose_name_plural}, {FORMATS[kind]}"})[:200],
        action_flag=EXPORT,
        change_message=begun,
    )

    def counted() -> Iterator[list[sheets.Row]]:
        number = 0
        for rows in batches:
            yield rows
            number += len(rows)
        LogEntry.objects.filter(pk=entry.pk).update(change_message=said % {**what, "rows": number})

    return counted()


def _filter(request: HttpRequest) -> str:
    """The list's query in words for the log, where no whole phone may stand."""
    said = []
    for name, value in sorted(request.GET.dict().items()):
        text = str(value).replace("\0", "").strip()
        hidden = name == SEARCH_VAR and len(text) > SHORT_SEARCH
        said.append(f"{name}={phones.mask(text) if hidden else context.mask(text)}")
    return "; ".join(said) or _("none")
