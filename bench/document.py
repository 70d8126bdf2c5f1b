"""Writes what was measured into the documents."""

import re
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


def replace_rows(page: str, lines: list[str]) -> None:
    """Put each line in place of the one of this page with the same first cell, or with the same bold words."""
    path = BASE / page
    text = path.read_text()
    for line in lines:
        text = _replaced(text, line)
    path.write_text(text)


def _replaced(text: str, new: str) -> str:
    key = re.escape(new.partition(" | " if new.startswith("|") else ".**")[0])
    text, count = re.subn(rf"^{key}( \||\.\*\*).*$", lambda _: new, text, flags=re.MULTILINE)
    assert count == 1, f"the page has {count} lines for {new}"
    return text
