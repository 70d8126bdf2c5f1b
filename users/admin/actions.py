"""What operators do about one user. Each action has a page that asks for a reason, and leaves a line in the log."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from users import accounts, phones
from users.models import User
from users.operators import second_factor


class ReasonForm(forms.Form):
    required_css_class = "required"
    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        widget=forms.Textarea({"rows": 3, "class": "vLargeTextField"}),
        help_text=_("The user's history keeps it, even after an erasure. Do not write phone numbers."),
    )
    about = forms.CharField(widget=forms.HiddenInput, required=False)

    def clean_reason(self) -> str:
        reason = " ".join(self.cleaned_data["reason"].split())
        if phones.are_in(reason):
            raise ValidationError(_("Remove the phone number: it would stay after the user is erased."))
        return reason


class FinalForm(ReasonForm):
    sure = forms.BooleanField(label=_("I know that this cannot be undone."))


@dataclass(frozen=True, kw_only=True)
class Action:
    # In the address of its page.
    name: str
    title: Any
    # The consequences, as the page explains them.
    meaning: Any
    # Whether the action is possible in the user's present state.
    applies: Callable[[User], bool]
    # Does it. The result is false if the action no longer applies; otherwise `done` may show it in the log.
    do: Callable[[User], Any]
    done: Any
    # It cannot be undone: only superusers may do it, and they confirm it with a checkbox.
    final: bool = False
    # The value that the action replaces, if it can be repeated: so a form that is sent twice acts once.
    about: Callable[[User], str] = lambda user: ""


DISABLE = Action(
    name="disable",
    title=_("Disable"),
    meaning=_(
        "The user is signed out everywhere at once and cannot sign in. Others cannot see the user or activate the"
        " user's invite code. The user's own vote still counts. You can enable the user again."
    ),
    applies=lambda user: user.is_active,
    do=accounts.disable,
    done=_("Disabled the user."),
)
ENABLE = Action(
    name="enable",
    title=_("Enable"),
    meaning=_("The user can sign in again, with a new sign-in on each device. The user's invite code works again."),
    applies=lambda user: not user.is_active and not user.erased_at,
    do=accounts.enable,
    done=_("Enabled the user."),
)
REVOKE_DEVICES = Action(
    name="end-devices",
    title=_("Revoke all devices"),
    meaning=_(
        "The user is signed out everywhere at once, and no device is known any more. The user can sign in again by SMS."
    ),
    applies=lambda user: user.devices.filter(Q(ended_at=None) | Q(trust_hash__isnull=False)).exists(),
    do=accounts.revoke_devices,
    done=_("Revoked all devices."),
)
RESET_SECOND_FACTOR = Action(
    name="reset-second-factor",
    title=_("Reset the second factor"),
    meaning=_(
        "The operator's authenticator and recovery codes stop working, and all of the operator's sessions in the admin"
        " end. Until a new second factor is set up, the password alone opens the admin or, if ADMIN_SECOND_FACTOR is"
        " required, the setting-up. Make sure that the operator asks for it, and not somebody who knows the password."
    ),
    applies=lambda user: user.is_staff and second_factor.is_enrolled(user),
    do=second_factor.reset,
    done=_("Reset the second factor."),
)
