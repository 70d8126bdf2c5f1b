"""Guessing at an operator's password, bounded.

Five wrong passwords for one phone from one network address close the log-in to that pair for half an hour, so nobody
locks an operator out from elsewhere. Fifty from one address, whatever the phones, close it to the address, which also
bounds the hashing that a stranger can cause. Requests that are being answered at that moment come on top.

What is kept: the address, the client's name for itself and a keyed hash of the phone. Not the phone, and nothing else
of the form.
"""

from __future__ import annotations

import hmac
import math
from copy import copy
from typing import Any

from axes.attempts import get_cool_off_threshold
from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.db import connection
from django.db.models import Max, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from users import client, keys, phones
from users.login import sms_limits

# Wrong passwords from one address, for all phones together, that close the log-in to it.
ADDRESS_LIMIT = 50

# Stands for the address of a connection that has none, such as a Unix socket's.
NOWHERE = "0.0.0.0"  # noqa: S104


class Handler(AxesDatabaseHandler):  # type: ignore[misc]
    """Counts wrong passwords in the database, by pair and by address."""

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        share = failures(recent(request)) * settings.AXES_FAILURE_LIMIT // ADDRESS_LIMIT
        return max(int(super().get_failures(request, credentials)), share)

    def user_login_failed(self, sender: Any, credentials: dict[str, Any], request: Any = None, **kwargs: Any) -> None:
        # The form would be kept too, but for the name, and `next` may hold a search for a phone, other fields anything.
        bare = copy(request)
        bare.GET, bare.POST = {}, {"username": credentials.get("username") or ""}
        super().user_login_failed(sender, credentials, bare, **kwargs)
        request.axes_locked_out = bare.axes_locked_out
        request.axes_credentials = credentials

    def clean_expired_user_attempts(self, request: Any = None, credentials: dict[str, Any] | None = None) -> int:
        """By one statement, without the ids: a storm leaves more of them than one statement has parameters for."""
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM axes_accessattempt WHERE attempt_time <= %s", [get_cool_off_threshold(request)])
            return int(cursor.rowcount)


def recent(request: HttpRequest) -> QuerySet[AccessAttempt]:
    """What is counted against the caller's address."""
    found: QuerySet[AccessAttempt] = AccessAttempt.objects.filter(
        ip_address=request.axes_ip_address,  # type: ignore[attr-defined]
        attempt_time__gte=get_cool_off_threshold(request),
    )
    return found


def failures(attempts: QuerySet[AccessAttempt]) -> int:
    return attempts.aggregate(total=Sum("failures_since_start"))["total"] or 0


def hidden_name(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """One name for all spellings of a phone, from which nobody reads the phone."""
    text = (credentials or {}).get("username") or ""
    name = phones.normalise_or_empty(text) or text
    return hmac.new(keys.login_name_key(), name.encode(errors="replace"), "sha256").hexdigest()


def network(request: HttpRequest) -> str:
    """The first of the addresses that are counted as the caller's."""
    return str(sms_limits.network(client.address(request) or NOWHERE)[0])


def described(name: str, address: str, user_agent: str, path: str, request: HttpRequest) -> str:
    """The caller in a line of the log. What is no phone is not repeated: it may be a password in the wrong field."""
    phone = phones.normalise_or_empty(request.POST.get("username", ""))
    return f"{phones.mask(phone) if phone else 'no phone'} from {address}"


def refused(request: HttpRequest, response: HttpResponse, credentials: dict[str, Any] | None) -> HttpResponse:
    """The log-in page, which tells the reason itself, as the answer to a caller who must wait."""
    counted = recent(request)
    pair = counted.filter(username=hidden_name(request, credentials))
    if failures(pair) >= settings.AXES_FAILURE_LIMIT:
        counted = pair
    newest = counted.aggregate(newest=Max("attempt_time"))["newest"] or timezone.now()
    wait = newest + settings.AXES_COOLOFF_TIME - timezone.now()
    response.status_code = 429
    response["Retry-After"] = str(max(1, math.ceil(wait.total_seconds())))
    return response
