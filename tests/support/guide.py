"""The samples of the documents for developers, as they stand there."""

import re

from django.conf import settings

DOCS = settings.BASE_DIR / "docs"
GUIDE = DOCS / "clients.md"


def sample(file: str, page: str = GUIDE.name) -> str:
    """The block of code of a document whose first line is a comment with this file name."""
    blocks: list[str] = re.findall(r"^```\w+\n(.*?)^```$", (DOCS / page).read_text(), re.DOTALL | re.MULTILINE)
    (found,) = (block for block in blocks if re.match(rf"(//|#) {re.escape(file)}\n", block))
    return found
