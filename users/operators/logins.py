"""Operators' log-ins to the admin: what their pages show, and what the limits of the second factor count."""

from datetime import datetime
from typing import Any, NamedTuple

from users.clock import HOUR
from users.models import User
from users.operators.models import OperatorLogin
from users.queries import database_now

Outcome = OperatorLogin.Outcome

# Whoever caused these knew the password.
WITH_PASSWORD = (Outcome.OK, Outcome.PASSWORD_ONLY, Outcome.WRONG_CODE)

# Log-ins and tries that the page of an operator shows, of those with the password and of those without. Anybody can
# cause the latter, and must not push the former off the page.
SHOWN = 20

# Refusals of one kind that are kept of an operator in an hour: a stranger can cause any number of them. Wrong codes are
# all kept, because `second_factor` counts and bounds them.
KEPT_AN_HOUR = 20

# Complete log-ins of one operator in an hour. Each is a session for two weeks, and whoever ends the operator's sessions
# reads all that there are, with the user's row locked: less than a second for those of two weeks.
LOGINS_AN_HOUR = 30


class Client(NamedTuple):
    """Where a log-in comes from. `network` is the first address of what counts as one."""

    address: str | None
    network: str
    user_agent: str


def record(user: User, outcome: Outcome, client: Client, *, is_known: bool = False) -> OperatorLogin:
    return OperatorLogin.objects.create(
        user=user,
        outcome=outcome,
        address=client.address,
        network=client.network,
        is_known=is_known,
        user_agent=client.user_agent,
        created_at=database_now(),
    )


def record_bounded(user: User, outcome: Outcome, client: Client) -> OperatorLogin | None:
    """Record it unless KEPT_AN_HOUR of the same kind are there."""
    return None if _has(user, outcome, KEPT_AN_HOUR) else record(user, outcome, client)


def are_enough(user: User) -> bool:
    """Whether the operator has logged in LOGINS_AN_HOUR times. Requests at the same moment may exceed it."""
    return _has(user, Outcome.OK, LOGINS_AN_HOUR)


def _has(user: User, outcome: Outcome, number: int) -> bool:
    """Whether so many log-ins or tries of this kind were recorded within an hour."""
    newest = OperatorLogin.objects.filter(user=user, outcome=outcome, created_at__gt=database_now() - HOUR)
    return newest[:number].count() >= number


def last(user: User) -> list[OperatorLogin]:
    """The newest log-ins and tries of both kinds, newest first."""
    newest = OperatorLogin.objects.filter(user=user).order_by("-created_at", "-pk")
    kinds = newest.filter(outcome__in=WITH_PASSWORD), newest.exclude(outcome__in=WITH_PASSWORD)
    shown = [login for kind in kinds for login in kind[:SHOWN]]
    return sorted(shown, key=lambda login: (login.created_at, login.pk), reverse=True)


def is_known(user: User, network: str, since: datetime) -> bool:
    """Whether the operator has logged in from this network since then."""
    return OperatorLogin.objects.filter(user=user, outcome=Outcome.OK, network=network, created_at__gte=since).exists()


def wrong_codes(user: User, since: datetime, **where: Any) -> int:
    """Wrong codes of this operator since then, from one network or from all known or unknown ones."""
    wrong = OperatorLogin.objects.filter(user=user, outcome=Outcome.WRONG_CODE, created_at__gt=since)
    return wrong.filter(**where).count()
