"""Writes what was measured into the documents."""

import time
from pathlib import Path

from django.conf import settings

BASE = Path(settings.BASE_DIR)
END_MARK = "<!-- end -->"


def show(page: str, module: str, text: str, *, is_written: bool) -> None:
    """Print what this module measured, and write it into the page if that is wanted."""
    print(text)
    if is_written:
        write(page, module, text)


def write(page: str, module: str, text: str) -> None:
    """Put the text of this module, with the date, between its two marks of a page."""
    path = BASE / page
    mark = f"<!-- by {module} -->"
    before, rest = path.read_text().split(mark, 1)
    _, after = rest.split(END_MARK, 1)
    path.write_text(f"{before}{mark}\nThe newest run ({time.strftime('%F')}):\n\n{text}\n{END_MARK}{after}")
