"""A limit on entries in the admin's history. Each request of an operator makes some, and nothing deletes them."""

from django.contrib.admin.models import LogEntry
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from users.clock import HOUR

# Entries of one operator in an hour: one for each object that a request changes, and one for each list or number that
# it shows in full. An action on a whole page of a list makes a thousand.
ENTRIES_AN_HOUR = 5_000


class TooManyEntries(PermissionDenied):
    """The operator has made ENTRIES_AN_HOUR."""


def check(operator_id: int | None) -> None:
    """Raise TooManyEntries if the operator may make no more. Requests at the same moment may exceed the limit."""
    newest = LogEntry.objects.filter(user=operator_id, action_time__gt=timezone.now() - HOUR).order_by("action_time")
    if newest[:ENTRIES_AN_HOUR].count() >= ENTRIES_AN_HOUR:
        raise TooManyEntries
