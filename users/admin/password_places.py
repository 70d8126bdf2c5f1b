"""How many passwords a process checks at a time: two, of two networks.

Each takes a processor for a good part of a second. Otherwise one network could send many at once, and they would hold
all threads for many seconds. Another one that comes meanwhile is answered with 503 and `Retry-After`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from users import client
from users.login import networks

# Counts as the address of a connection that has none, such as a Unix socket's.
_NO_ADDRESS = "0.0.0.0"  # noqa: S104

MOST_AT_ONCE = 2
# The networks whose passwords are being checked.
checking: set[str] = set()
_looking = Lock()

BUSY = "busy"
BUSY_SECONDS = 2


def address(request: HttpRequest) -> str:
    return client.address(request) or _NO_ADDRESS


@contextmanager
def place(request: HttpRequest) -> Iterator[None]:
    """Take a place for the client's network while a password is checked. Raises ValidationError if there is none."""
    network = networks.containing(address(request))[0].first
    with _looking:
        if network in checking or len(checking) >= MOST_AT_ONCE:
            raise ValidationError(_("Others are logging in at this moment. Try again."), code=BUSY)
        checking.add(network)
    try:
        yield
    finally:
        checking.discard(network)


def answered(response: HttpResponse) -> HttpResponse:
    """Turn the page of a form that found no place into the answer to that."""
    form = (getattr(response, "context_data", None) or {}).get("form")
    if form and any(form.has_error(field, BUSY) for field in form.errors):
        response.status_code = 503
        response["Retry-After"] = str(BUSY_SECONDS)
    return response
