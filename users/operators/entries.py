"""A limit on entries in the admin's history. Each request of an operator makes some, and nothing deletes them."""

from django.contrib.admin.models import LogEntry
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.utils import timezone

from users.clock import HOUR, RetryLater
from users.operators import history

# Entries of one operator in an hour: one for each object that a request changes, and one for each list or number that
# it shows in full. An action on a whole page of a list makes a thousand.
ENTRIES_AN_HOUR = 5_000
# New passwords of one operator in an hour. Only they count: a thief of the session may have made all other entries, and
# a new password ends it.
NEW_PASSWORDS_AN_HOUR = 10


class TooManyEntries(RetryLater, PermissionDenied):
    """The operator has made too many entries. A page of the admin that does not catch it answers 403."""


def check(operator_id: int | None) -> None:
    """Raise TooManyEntries if the operator has made ENTRIES_AN_HOUR.

    Parallel requests and an action on many objects can exceed the limit.
    """
    _check(LogEntry.objects.filter(user=operator_id), ENTRIES_AN_HOUR)


def check_new_passwords(of_operator: QuerySet[LogEntry]) -> None:
    """Raise TooManyEntries if NEW_PASSWORDS_AN_HOUR were set. `of_operator` is the operator's own history."""
    _check(history.with_sentence(of_operator, history.OWN_PASSWORD_CHANGED), NEW_PASSWORDS_AN_HOUR)


def _check(entries: QuerySet[LogEntry], limit: int) -> None:
    now = timezone.now()
    newest = entries.filter(action_time__gt=now - HOUR).order_by("-action_time")
    oldest_of_them = newest.values_list("action_time", flat=True)[limit - 1 : limit].first()
    if oldest_of_them:
        raise TooManyEntries(oldest_of_them + HOUR - now)
