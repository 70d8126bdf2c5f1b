"""The export of a user's data."""

from collections.abc import Iterator
from typing import Any

from django.contrib.admin.models import LogEntry
from django.db.models import BooleanField, Case, ExpressionWrapper, F, Max, Q, QuerySet, When

from profiles import queries
from profiles.models import Activation, FailedActivation, Profile, WebhookDelivery
from users import accounts, keyset
from users.models import Challenge, LoginCode, SmsDelivery, User
from users.operators import history

# What the export has in place of the end of a code that went to the phone of somebody else.
HIDDEN_IN_CODE = {"closed_at": None, "expires_at": None}
# The same for its SMS: an erasure of the phone's user empties these.
HIDDEN_IN_SMS = {"gateway_ref": "", "address": "", "prefix": "", "asked_from": None}


def data_of(user: User) -> dict[str, Any]:
    """All data held on a user except secrets: plain values, and iterators of rows.

    Rows are read while the iterators are consumed: there may be hundreds of thousands of invitees or challenges.
    """
    profile = Profile.objects.select_related("activation__inviter").get(pk=user.pk)
    vote = getattr(profile, "activation", None)
    wrong = FailedActivation.objects.filter(user=user, created_at__gte=user.created_at)
    return {
        "person": _account(user),
        "profile": _values(profile, "invite_code invitations_count created_at"),
        "activation": vote and _vote(vote),
        "invitations": _invitations(user),
        "devices": _rows(user.devices, "id user_agent created_at signed_in_at refreshed_at ended_at trusted_until"),
        **_codes(user),
        "wrong_invite_codes": _rows(wrong, "created_at"),
        "changes_by_operators": _changes(user),
        "webhooks": _rows(WebhookDelivery.objects.filter(user=user), "kind data created_at state finished_at"),
        "operator_logins": _rows(user.operator_logins, "created_at outcome address user_agent"),
        "deeds_as_operator": _rows(_deeds_of(user), "action_time action_flag content_type__model"),
    }


def _codes(user: User) -> dict[str, Any]:
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
        "challenges": _rows(challenges, "login_code_id address attempts created_at"),
        "sms": _hiding(
            deliveries.annotate(is_to_own=_holds(login_code__user=user)),
            "login_code_id channel gateway gateway_ref state address country prefix error asked_from created_at"
            " finished_at delivered_at undelivered open_tries",
            HIDDEN_IN_SMS,
        ),
    }


def _rows(found: Any, names: str) -> Iterator[dict[str, Any]]:
    """All rows at once: a user has few of each kind. With a LIMIT, PostgreSQL would look for them by primary key."""
    return found.order_by("pk").values(*names.split()).iterator()  # type: ignore[no-any-return]


def _hiding(found: Any, names: str, hidden: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The rows. Those of a code to the phone of somebody else must not tell when that user leaves the phone."""
    for row in _rows(found, f"{names} is_to_own"):
        yield row if row.pop("is_to_own") else row | hidden


def _holds(**condition: Any) -> Any:
    return ExpressionWrapper(Q(**condition), output_field=BooleanField())


def _changes(user: User) -> Iterator[dict[str, Any]]:
    """What operators did to the user, in words."""
    for entry in accounts.history(user).order_by("pk").iterator():
        told = {"change_message": history.in_words(entry)}
        yield {"action_time": entry.action_time, "action_flag": entry.action_flag, **told}


def _deeds_of(user: User) -> QuerySet[LogEntry]:
    """What the user did as an operator, without notes about themselves. The export does not name whom it affected."""
    return LogEntry.objects.filter(user=user).exclude(pk__in=accounts.history(user).values("pk"))


def _account(user: User) -> dict[str, Any]:
    columns = "id phone created_at verified_at last_login is_active is_staff is_superuser is_test"
    return {
        **_values(user, columns),
        "groups": list(user.groups.values_list("name", flat=True)),
        "permissions": list(user.user_permissions.values_list("codename", flat=True)),
    }


def _vote(vote: Activation) -> dict[str, Any]:
    return {
        "activated_invite": vote.inviter.invite_code,
        "activated_at": vote.created_at,
        "receipt_nonce": vote.nonce and bytes(vote.nonce).hex(),
        "receipt": vote.receipt and bytes(vote.receipt).hex(),
    }


def _invitations(user: User) -> Iterator[dict[str, Any]]:
    votes: QuerySet[Any] = queries.invitations_of(user)
    for row in keyset.read(votes.values("phone", "created_at", "invitee_id"), ("created_at", "invitee_id")):
        yield {"phone": row["phone"], "activated_at": row["created_at"]}


def _values(row: Any, names: str) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names.split()}
