"""What operators do about one user. Each action has a page that asks for a reason, and leaves a line in the log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from users import accounts, phones
from users.models import User


@dataclass(frozen=True)
class Action:
    """One thing that an operator may do about a user."""

    # In the address of its page.
    name: str
    title: str | Promise
    # The consequences, as the page explains them.
    meaning: str | Promise
    # Whether the action is possible in the user's present state.
    applies: Callable[[User], bool]
    # Does it. Returns the log's message, or "" if the action no longer applies.
    do: Callable[[User], str]
    # It cannot be undone: only superusers may do it, and they confirm it with a checkbox.
    final: bool = False
    # The value that the action replaces, if it can be repeated: so a form that is sent twice acts once.
    about: Callable[[User], str] = lambda user: ""


class ReasonForm(forms.Form):
    required_css_class = "required"
    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        widget=forms.Textarea({"rows": 3, "class": "vLargeTextField"}),
        help_text=_("The user's history keeps it, even after an erasure. Do not write phone numbers."),
    )
    sure = forms.BooleanField(label=_("I know that this cannot be undone."))
    about = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, final: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not final:
            del self.fields["sure"]

    def clean_reason(self) -> str:
        reason = " ".join(self.cleaned_data["reason"].split())
        if phones.are_in(reason):
            raise ValidationError(_("Remove the phone number: it would stay after the user is erased."))
        return reason


def _has_live_device(user: User) -> bool:
    return user.devices.filter(Q(ended_at=None) | Q(trust_hash__isnull=False)).exists()


def _disable(user: User) -> str:
    return gettext("Disabled the user.") if accounts.disable(user) else ""


def _enable(user: User) -> str:
    return gettext("Enabled the user.") if accounts.enable(user) else ""


def _revoke_devices(user: User) -> str:
    return gettext("Revoked all devices.") if accounts.revoke_devices(user) else ""


DISABLE = Action(
    "disable",
    _("Disable"),
    _(
        "The user is signed out everywhere at once and cannot sign in. Others cannot see the user or activate the"
        " user's invite code. The user's own vote still counts. You can enable the user again."
    ),
    lambda user: user.is_active,
    _disable,
)
ENABLE = Action(
    "enable",
    _("Enable"),
    _("The user can sign in again, with a new sign-in on each device. The user's invite code works again."),
    lambda user: not user.is_active and not user.erased_at,
    _enable,
)
REVOKE_DEVICES = Action(
    "end-devices",
    _("Revoke all devices"),
    _("The user is signed out everywhere at once, and no device is known any more. The user can sign in again by SMS."),
    _has_live_device,
    _revoke_devices,
)
