"""When an operator's log-in locks.

- 5 wrong passwords (`AXES_FAILURE_LIMIT`) for one phone number from one network lock that pair for 30 minutes
  (`AXES_COOLOFF_TIME`). The number stays usable from elsewhere, so a stranger cannot lock an operator out.
- 50 wrong passwords (`NETWORK_LIMIT`) from one network, for any phone numbers, lock that network for the same time.
  This also limits the password hashing that a stranger can cause.
- Each process checks two passwords at a time, of two networks (`password_places`). Another log-in that comes meanwhile
  counts as no try.
- The old password of operators who change it counts like that of a log-in.

A network is an IPv4 address, or each of the /64, /56 and /48 of an IPv6 address. A /56 has twice these limits and a /48
four times.

A log-in that wrong passwords have locked is answered with 429 and `Retry-After`, and the form says how long to wait.
Attempts during a lock do not prolong it, and a right password resets the count of its pair. Requests in progress at the
moment of the lock are still answered.

Wrong codes of the second factor lock too, with an error of its form: 5 for one operator from one network in 30 minutes,
and in 24 hours 200 from known networks and 100 from all others. See `_is_locked` in `users/operators/second_factor.py`.

django-axes counts. Its settings begin with `AXES_` and are in `inviting_app/settings.py`. It stores the address, the
User-Agent and a keyed hash of the phone number, and nothing else of the form.
"""

import hmac
import math
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import logout
from django.contrib.sessions.exceptions import SessionInterrupted
from django.core.exceptions import ValidationError
from django.db.models import Max, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from users import client, keys, phones
from users.admin import password_places
from users.login import networks
from users.models import OperatorLogin, User
from users.operators import logins, second_factor
from users.operators.logins import Outcome
from users.retention import in_batches

# Wrong passwords from one network, for all phone numbers together, that lock the network.
NETWORK_LIMIT = 50

# How long a log-in waits for the second factor. Nothing else bounds how many of them somebody with the password begins.
PENDING_SECONDS = 900

# In a session: the record of a log-in that waits for the second factor.
PENDING_LOGIN = "operator_login"


class LoginForm(AdminAuthenticationForm):
    """Takes a phone number in any spelling, which may be longer than the stored one, and explains a lock."""

    error_messages = {
        **AdminAuthenticationForm.error_messages,
        "invalid_login": _("Wrong phone or password."),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].max_length = phones.MAX_LENGTH  # type: ignore[attr-defined]
        self.fields["username"].widget.attrs["maxlength"] = phones.MAX_LENGTH

    def clean(self) -> dict[str, Any]:
        assert self.request is not None  # the admin passes it
        with checking(self.request, self.cleaned_data):
            return super().clean()

    def confirm_login_allowed(self, user: Any) -> None:
        user.refresh_from_db(fields=["is_active", "is_staff"])  # it may have changed while the password was hashed
        super().confirm_login_allowed(user)
        if logins.are_enough(user):
            text = _("You have logged in %(number)d times within an hour. Try again later.")
            raise ValidationError(text, code="too_many", params={"number": logins.LOGINS_AN_HOUR})

    def get_invalid_login_error(self) -> ValidationError:
        assert self.request is not None  # the admin passes it
        return locked_out(self.request, self.cleaned_data) or super().get_invalid_login_error()


def checking(request: HttpRequest, credentials: dict[str, Any]) -> AbstractContextManager[None]:
    """A place to check a password. While wrong ones have locked it, none is checked, so nobody need wait for that."""
    return nullcontext() if locked_until(request, credentials) else password_places.place(request)


def locked_out(request: HttpRequest, credentials: dict[str, Any]) -> ValidationError | None:
    """What a form says while wrong passwords have locked it. None: there is no lock."""
    seconds = _seconds_locked(request, credentials)
    if not seconds:
        return None
    minutes = math.ceil(seconds / 60)
    text = ngettext(
        "Too many wrong passwords. Try again in %(minutes)d minute.",
        "Too many wrong passwords. Try again in %(minutes)d minutes.",
        minutes,
    )
    return ValidationError(text, code="locked_out", params={"minutes": minutes})


class LockoutHandler(AxesDatabaseHandler):  # type: ignore[misc]
    """Counts wrong passwords in the database, by pair and by network."""

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """The limit itself if the log-in is locked, otherwise 0: django-axes has one limit, and here are two."""
        return settings.AXES_FAILURE_LIMIT if locked_until(request, credentials) else 0

    def user_login_failed(self, sender: Any, credentials: dict[str, Any], request: Any = None, **kwargs: Any) -> None:
        """Store the attempt without the form: its other fields, and a search in `next`, may hold anything."""
        _forget_old()
        locked = locked_until(request, credentials)
        given = request.GET, request.POST
        request.GET, request.POST = {}, {"username": credentials.get("username") or ""}
        # These headers may hold anything too. django-axes has read them before.
        request.axes_user_agent, request.axes_http_accept = client.user_agent(request), ""
        try:
            super().user_login_failed(sender, credentials, request, **kwargs)
        finally:
            request.GET, request.POST = given
        outcome = Outcome.LOCKED if locked else Outcome.WRONG_PASSWORD
        phone = phones.normalise_or_empty(credentials.get("username") or "")
        if operator := User.objects.filter(phone=phone, is_staff=True).first():
            logins.record_bounded(operator, outcome, client_of(request))

    def reset_attempts(
        self, *, ip_address: str | None = None, username: str | None = None, ip_or_username: bool = False
    ) -> int:
        """Delete attempts in batches: django-axes does it in one statement, which fails on more than 65,535."""
        chosen = AccessAttempt.objects.all()
        if ip_or_username:
            chosen = chosen.filter(Q(ip_address=ip_address) | Q(username=username))
        else:
            chosen = chosen.filter(ip_address=ip_address) if ip_address else chosen
            chosen = chosen.filter(username=username) if username else chosen
        number: int = chosen.count()
        in_batches(chosen, QuerySet.delete)
        return number

    def user_logged_in(self, sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
        _forget_old()
        super().user_logged_in(sender, request, user, **kwargs)
        if user.is_staff:
            record_login(request, user)
            _store_session(request)


def _store_session(request: HttpRequest) -> None:
    """Store the session of a log-in. If somebody has ended it meanwhile, log out and raise SessionInterrupted."""
    try:
        request.session.store_log_in()  # type: ignore[attr-defined]
    except SessionInterrupted:
        logout(request)
        raise


def _forget_old() -> None:
    """django-axes deletes old attempts in one statement, which fails on more than 65,535. So they go before that."""
    in_batches(AccessAttempt.objects.filter(attempt_time__lt=counted_since()), QuerySet.delete)


def counted_since() -> datetime:
    return timezone.now() - settings.AXES_COOLOFF_TIME


def locked_until(request: HttpRequest, credentials: dict[str, Any] | None) -> datetime | None:
    """When the last lock that applies ends, of the pair or of a network. None: there is no lock."""
    name, ends = hidden_name(request, credentials), []
    for network in networks.containing(password_places.address(request)):
        of_network = AccessAttempt.objects.filter(
            ip_address__range=(network.first, network.last),
            attempt_time__gte=counted_since(),
        )
        of_pair = of_network.filter(username=name)
        for attempts, limit in ((of_pair, settings.AXES_FAILURE_LIMIT), (of_network, NETWORK_LIMIT)):
            counted = attempts.aggregate(failures=Sum("failures_since_start", default=0), newest=Max("attempt_time"))
            if counted["failures"] >= limit * network.factor:
                ends.append(counted["newest"] + settings.AXES_COOLOFF_TIME)
    return max(ends, default=None)


def _seconds_locked(request: HttpRequest, credentials: dict[str, Any] | None) -> int:
    """How long the log-in is locked from now, rounded up. Zero: there is no lock."""
    until = locked_until(request, credentials)
    return max(0, math.ceil((until - timezone.now()).total_seconds())) if until else 0


def hidden_name(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """A keyed hash of the user name: equal for all spellings of a phone number, and nobody can read the number."""
    text = (credentials or {}).get("username") or ""
    name = phones.normalise_or_empty(text) or text
    return hmac.new(keys.login_name_key(), name.encode(errors="replace"), "sha256").hexdigest()


def network_address(request: HttpRequest) -> str:
    """The first address of the narrowest network of the client, which is stored for all of its addresses."""
    return networks.containing(password_places.address(request))[-1].first


def client_of(request: HttpRequest) -> logins.Client:
    return logins.Client(client.address(request), network_address(request), client.user_agent(request))


def record_login(request: HttpRequest, user: User) -> None:
    """Record a log-in of an operator. One with the second factor replaces the record of its password."""
    has_factor = getattr(user, "otp_device", None) is not None
    if not has_factor and (second_factor.is_required() or second_factor.is_enrolled(user)):
        pending = logins.record_bounded(user, Outcome.PASSWORD_ONLY, client_of(request))
        request.session[PENDING_LOGIN] = pending.pk if pending else None
        request.session.set_expiry(PENDING_SECONDS)
        return
    request.session.set_expiry(None)
    OperatorLogin.objects.filter(user=user, pk=request.session.pop(PENDING_LOGIN, None)).delete()
    logins.record(user, Outcome.OK, client_of(request))


def described(name: str, address: str, user_agent: str, path: str, request: HttpRequest) -> str:
    """The client in a log line. Text that is no phone number is left out: it may be a password in the wrong field."""
    phone = phones.normalise_or_empty(request.POST.get("username", ""))
    return f"{phones.mask(phone) if phone else 'no phone'} from {address}"


def refused(request: HttpRequest, response: HttpResponse, credentials: dict[str, Any] | None) -> HttpResponse:
    """Turn the log-in page, whose form explains the lock, into the answer to a locked log-in."""
    response.status_code = 429
    response["Retry-After"] = str(max(1, _seconds_locked(request, credentials)))
    return response
