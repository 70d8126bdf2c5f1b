"""What operators do about one user. Each action has a page that asks for a reason, and leaves a line in the log."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop as N_
from django.utils.translation import pgettext_lazy

from users import accounts, phones
from users.login import test_numbers
from users.models import User
from users.operators import second_factor


class ReasonForm(forms.Form):
    required_css_class = "required"
    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        error_messages={"required": _("Write the reason.")},
        widget=forms.Textarea({"rows": 3, "class": "vLargeTextField"}),
        help_text=_(
            "The user can read it in the export of their data. The history keeps it, even after an erasure."
            " Do not write phone numbers, nor who complained."
        ),
    )
    about = forms.CharField(label="", widget=forms.HiddenInput, required=False)

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
    # The same on its button, which stands beside others. Empty: the title.
    button: Any = ""
    # The consequences, as the page explains them: a text, or a function of the user.
    meaning: Any
    # What it is about, such as a vote, if the page should name it.
    subject: Callable[[User], str] = lambda user: ""
    # Whether the action is possible in the user's present state.
    applies: Callable[[User], bool]
    # Does it. The result is false if the action no longer applies; otherwise `done` may show it in the log.
    do: Callable[[User], Any]
    # In English, as the log stores it.
    done: str
    # If the result is a text, it is a secret: it is shown once, with this explanation, and is not in the log.
    shown_once: str | Promise = ""
    # It takes something from the user: its button is red.
    hurts: bool = False
    # It cannot be undone: only superusers may do it, and they confirm it with a checkbox.
    final: bool = False
    # What the action replaces or deletes, if it can be repeated: so a form that is sent twice, or late, acts once.
    about: Callable[[User], str] = lambda user: ""


DISABLE = Action(
    name="disable",
    title=_("Disable the user"),
    button=pgettext_lazy("button", "Disable the user"),
    meaning=_(
        "The user is signed out everywhere at once and cannot sign in. Others cannot see the user or activate the"
        " user's invite code. The user's own vote still counts, and so do the votes for the"
        " user. You can enable the user again."
    ),
    applies=lambda user: user.is_active,
    do=accounts.disable,
    done=N_("Disabled the user."),
    hurts=True,
)
ENABLE = Action(
    name="enable",
    title=_("Enable the user"),
    meaning=_("The user can sign in again, with a new sign-in on each device. The user's invite code works again."),
    applies=lambda user: not user.is_active and not user.erased_at and not test_numbers.is_removed(user),
    do=accounts.enable,
    done=N_("Enabled the user."),
)
REVOKE_DEVICES = Action(
    name="end-devices",
    title=_("End all sessions"),
    button=pgettext_lazy("button", "End all sessions"),
    meaning=_(
        "The user is signed out everywhere at once, and no device is known any more. The user can sign in again by SMS."
    ),
    # An operator may have sessions in the admin only.
    applies=lambda user: user.is_staff or user.devices.filter(Q(ended_at=None) | Q(trust_hash__isnull=False)).exists(),
    do=accounts.revoke_devices,
    done=N_("Ended all sessions."),
    hurts=True,
)
TOKEN_MEANING = _(
    "Give this token to the operator, in person or by a call to a number that you know. With it, the operator can set"
    " up the second factor once, within 24 hours. It is never shown again. A new token replaces it."
)


def _reset_second_factor(user: User) -> bool | str:
    """False if there was none. Otherwise the token that the operator needs next, or True without one."""
    if not second_factor.reset(user):
        return False
    return second_factor.token_to_set_up(user) or True


RESET_SECOND_FACTOR = Action(
    name="reset-second-factor",
    title=_("Reset the second factor"),
    meaning=_(
        "The operator's authenticator and recovery codes stop working, and all of the operator's sessions in the admin"
        " end. If ADMIN_SECOND_FACTOR is required, you then see a token once, and the operator needs it to set up a new"
        " second factor. If not, the password alone opens the admin until then. Make sure that the operator asks for"
        " it, and not somebody who knows the password."
    ),
    applies=lambda user: user.is_staff and second_factor.is_enrolled(user),
    do=_reset_second_factor,
    done=N_("Reset the second factor."),
    hurts=True,
    shown_once=TOKEN_MEANING,
)
SECOND_FACTOR_TOKEN = Action(
    name="second-factor-token",
    title=_("Make a token for the second factor"),
    meaning=_(
        "The operator needs a token to set up the second factor, because ADMIN_SECOND_FACTOR is required. You see it"
        " once. It replaces an earlier one. Make sure that the operator asks for it, and not somebody who knows the"
        " password."
    ),
    applies=lambda user: user.is_staff and second_factor.needs_token(user),
    do=second_factor.token_to_set_up,
    done=N_("Made a token for the second factor."),
    shown_once=TOKEN_MEANING,
)

# As the histories of earlier versions have it.
REVOKED = N_("Revoked all devices.")

# Those of this app.
OF_USERS = (DISABLE, ENABLE, REVOKE_DEVICES, RESET_SECOND_FACTOR, SECOND_FACTOR_TOKEN)
