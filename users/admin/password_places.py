"""How many passwords a process checks at a time: two, of two clients or operators.

Each takes a processor for a good part of a second. Otherwise one client could send many at once, and they would hold
all threads for many seconds. Another one that comes meanwhile is answered with 503 and `Retry-After`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _

MOST_AT_ONCE = 2
# Whose passwords are being checked.
checking: set[str] = set()
_looking = Lock()

BUSY = "busy"
BUSY_SECONDS = 2


@contextmanager
def place(whose: str) -> Iterator[None]:
    """Take a place for this client or operator while a password is checked. Raises ValidationError if there is none."""
    with _looking:
        if whose in checking or len(checking) >= MOST_AT_ONCE:
            raise ValidationError(_("Others are logging in at this moment. Try again."), code=BUSY)
        checking.add(whose)
    try:
        yield
    finally:
        checking.discard(whose)


def answered(response: HttpResponse) -> HttpResponse:
    """Turn the page of a form that found no place into the answer to that."""
    form = (getattr(response, "context_data", None) or {}).get("form")
    if form and any(form.has_error(field, BUSY) for field in form.errors):
        response.status_code = 503
        response["Retry-After"] = str(BUSY_SECONDS)
    return response
