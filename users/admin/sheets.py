"""Writes tables as CSV and XLSX files, batch by batch: memory never holds all rows."""

import csv
from collections.abc import Iterable, Iterator
from datetime import datetime
from io import StringIO
from itertools import chain
from tempfile import TemporaryDirectory
from typing import IO, Any

from django.utils import formats, timezone

Row = list[Any]

# The characters with which a spreadsheet takes a text for a formula (OWASP, CSV Injection).
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")

_BYTE_ORDER_MARK = "\ufeff"  # without it Excel takes UTF-8 for another encoding
_COLUMN_WIDTH = 20
_TIME = "yyyy-mm-dd hh:mm:ss"


def cell(value: Any) -> str | int | float | bool | datetime:
    """A value as a cell: times without their zone, which the heading tells, and texts never as formulas."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return timezone.localtime(value).replace(microsecond=0, tzinfo=None)
    if isinstance(value, (int, float)):
        return value
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def separator() -> str:
    """What Excel in the current language separates by: semicolons where the comma is the decimal separator."""
    return ";" if formats.get_format("DECIMAL_SEPARATOR") == "," else ","


def csv_lines(batches: Iterable[list[Row]], headings: Row, delimiter: str) -> Iterator[str]:
    """The text of a CSV file (RFC 4180), a batch of rows at a time."""
    first = [_BYTE_ORDER_MARK + headings[0], *headings[1:]]
    for rows in chain([[first]], batches):
        text = StringIO()
        shown = ([str(one).lower() if isinstance(one, bool) else one for one in row] for row in rows)
        csv.writer(text, delimiter=delimiter).writerows(shown)
        yield text.getvalue()


def xlsx_file(batches: Iterable[list[Row]], headings: Row, file: IO[bytes]) -> None:
    """Write an XLSX workbook of one sheet. Texts stay texts, even if they look like formulas."""
    from xlsxwriter import Workbook  # here, because few processes need it

    # Rows wait on the disk, in a folder that is deleted even after an error.
    with TemporaryDirectory() as folder:
        options = {"strings_to_formulas": False, "strings_to_urls": False}
        book = Workbook(file, {"constant_memory": True, "tmpdir": folder, **options})
        sheet = book.add_worksheet()
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, len(headings) - 1, _COLUMN_WIDTH)
        sheet.write_row(0, 0, headings, book.add_format({"bold": True}))
        kinds = {str: book.add_format({"num_format": "@"}), datetime: book.add_format({"num_format": _TIME})}
        for number, row in enumerate(chain.from_iterable(batches), start=1):
            for column, value in enumerate(row):
                sheet.write(number, column, value, kinds.get(type(value)))
        book.close()
    file.seek(0)
