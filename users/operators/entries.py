"""A limit on entries in the admin's history. Each request of an operator makes some, and nothing deletes them."""

from django.contrib.admin.models import LogEntry
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from users.clock import HOUR, RetryLater

# Entries of one operator in an hour: one for each object that a request changes, and one for each list or number that
# it shows in full. An action on a whole page of a list makes a thousand.
ENTRIES_AN_HOUR = 5_000
# So many more are for new passwords. A thief of the session may have used up the others, and a new password ends it.
FOR_PASSWORDS = 10


class TooManyEntries(RetryLater, PermissionDenied):
    """The operator has made ENTRIES_AN_HOUR. A page of the admin that does not catch it answers 403."""


def check(operator_id: int | None, more: int = 0) -> None:
    """Raise TooManyEntries if the operator has made ENTRIES_AN_HOUR and `more`. Requests at once may exceed that."""
    limit, now = ENTRIES_AN_HOUR + more, timezone.now()
    newest = LogEntry.objects.filter(user=operator_id, action_time__gt=now - HOUR).order_by("-action_time")
    oldest_of_them = newest.values_list("action_time", flat=True)[limit - 1 : limit].first()
    if oldest_of_them:
        raise TooManyEntries(oldest_of_them + HOUR - now)
