"""A state of a user that operators must not overlook: on the user's page, and beside the user in lists."""

from dataclasses import dataclass

from django.contrib.admin.models import LogEntry
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext, pgettext

from users import accounts
from users.admin.actions import DISABLE
from users.admin.lists import marked
from users.models import User
from users.operators import history


@dataclass(frozen=True)
class Disabled:
    """Why a user is disabled. Without an entry no operator did it, or it is not in the history."""

    entry: LogEntry | None
    reason: str


def disabled(user: User) -> Disabled | None:
    """None for a user who is not disabled. Those who are erased have another state."""
    if user.is_active or user.erased_at:
        return None
    done = history.with_sentence(accounts.history(user), DISABLE.done).select_related("user")
    entry = done.order_by("-action_time", "-pk").first()
    return Disabled(entry, history.reason_in(entry) if entry else "")


def state(user: User) -> str:
    """In words, behind the dot of the lists."""
    if user.erased_at:
        return marked("", gettext("erased"))
    tone, words = ("good", gettext("active")) if user.is_active else ("bad", gettext("disabled"))
    return marked(tone, f"{words}, {gettext('test')}" if user.is_test else words)


def marked_if_disabled(user: User, name: str = "") -> str:
    """The user, or another name of the user, with a mark if the user is disabled."""
    name = name or str(user)
    if user.is_active or user.erased_at:
        return name
    return format_html('{} <span class="mark bad">{}</span>', name, gettext("disabled"))


def with_states(user: User) -> str:
    """The user, with a mark for each state that most users are not in. The name of an erased user says so itself.

    Operators need no verified number: they sign in by password.
    """
    is_unverified = not user.verified_at and not user.is_staff and not user.erased_at
    states = {gettext("test"): user.is_test, gettext("operator"): user.is_staff}
    states |= {pgettext("mark", "not verified"): is_unverified}
    marks = format_html_join("", ' <span class="mark">{}</span>', ((name,) for name, has in states.items() if has))
    return format_html("{}{}", marked_if_disabled(user), marks)
