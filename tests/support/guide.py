"""The samples of docs/clients.md, as they stand there."""

import re

from django.conf import settings

GUIDE = settings.BASE_DIR / "docs" / "clients.md"


def sample(file: str) -> str:
    """The block of code whose first line is a comment with this file name."""
    blocks: list[str] = re.findall(r"^```\w+\n(.*?)^```$", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    (found,) = (block for block in blocks if re.match(rf"(//|#) {re.escape(file)}\n", block))
    return found
