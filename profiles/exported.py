"""What the export of a user's data has about codes: what was sent, and what was tried."""

from collections.abc import Iterator
from typing import Any

from django.db.models import BooleanField, Case, ExpressionWrapper, F, Max, Q, When

from users.models import Challenge, LoginCode, SmsDelivery, User

# What the export has in place of the end of a code that went to the phone of somebody else.
HIDDEN_IN_CODE = {"closed_at": None, "expires_at": None}
# The same for its SMS: an erasure of the phone's user empties these.
HIDDEN_IN_SMS = {"gateway_ref": "", "address": "", "prefix": "", "asked_from": None}


def codes(user: User) -> dict[str, Any]:
    """The codes of the user, under the keys of the export's first version."""
    # Earlier ones of this phone belong to whoever had it before. They only count against limits.
    changes = LoginCode.objects.filter(user=user, changing_user=user, used_at__isnull=False)
    since = changes.aggregate(newest=Max("created_at"))["newest"] or user.created_at
    own = Q(user=user, created_at__gte=since) | (Q(changing_user=user) & ~Q(user=user))
    held = LoginCode.objects.filter(own).annotate(digits=F("length"))
    # Those by which other users wanted to change to this phone, also erased ones: see `accounts.forget_changes`. Only
    # the SMS are of this user, and not where they were requested.
    of_others = held.filter(user=user, changing_user__isnull=False).exclude(changing_user=user, used_at__isnull=False)
    is_of_others = Q(login_code__in=of_others.values("pk"))
    challenges = Challenge.objects.filter(~is_of_others, login_code__in=held.values("pk"))
    deliveries = SmsDelivery.objects.filter(login_code__in=held.values("pk"))
    deliveries = deliveries.annotate(asked_from=Case(When(is_of_others, then=None), default=F("client_address")))
    return {
        "login_codes": _hiding(
            held.annotate(is_to_own=_holds(user=user)),
            "id device_id digits language challenges wrong created_at sent_at open_until expires_at closed_at used_at",
            HIDDEN_IN_CODE,
        ),
        "challenges": rows(challenges, "login_code_id address attempts created_at"),
        "sms": _hiding(
            deliveries.annotate(is_to_own=_holds(login_code__user=user)),
            "login_code_id channel gateway gateway_ref state address country prefix error asked_from created_at"
            " finished_at delivered_at undelivered open_tries",
            HIDDEN_IN_SMS,
        ),
    }


def rows(found: Any, names: str) -> Iterator[dict[str, Any]]:
    """All rows at once: a user has few of each kind. With a LIMIT, PostgreSQL would look for them by primary key."""
    return found.order_by("pk").values(*names.split()).iterator()  # type: ignore[no-any-return]


def _hiding(found: Any, names: str, hidden: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The rows. Those of a code to the phone of somebody else must not tell when that user leaves the phone."""
    for row in rows(found, f"{names} is_to_own"):
        yield row if row.pop("is_to_own") else row | hidden


def _holds(**condition: Any) -> Any:
    return ExpressionWrapper(Q(**condition), output_field=BooleanField())
