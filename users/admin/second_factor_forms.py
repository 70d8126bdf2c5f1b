"""The forms of the second factor's pages."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.signing import BadSignature, Signer
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django_otp.util import random_hex

from users.admin.forms import check_own_password
from users.admin.lockout import client_of
from users.models import User
from users.operators import random_codes, second_factor

# In a session: the token of who sets the second factor up again.
NEW_TOKEN = "second_factor_token"  # noqa: S105 - a key

WRONG = _("This code is wrong or was used already. An authenticator shows a new one every 30 seconds.")
WRONG_TOKEN = _("This token is wrong, expired or was used already. Ask for a new one.")
WRONG_PASSWORD = _("This password is wrong.")
LOCKED = _("Too many wrong codes. Use a recovery code, or try again later.")


class CodeForm(forms.Form):
    """Takes a code of the authenticator or a recovery code. `user.otp_device` is then the device that accepted it."""

    code = forms.CharField(
        label=_("Code"),
        max_length=random_codes.MAX_LENGTH,
        widget=forms.TextInput(
            {"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false", "autofocus": True}
        ),
    )

    def __init__(self, user: User, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user, self.request = user, request

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        try:
            self.user.otp_device = self.verify(code)  # type: ignore[attr-defined]
        except second_factor.WrongCode as error:
            raise ValidationError(WRONG, code="wrong") from error
        except second_factor.Locked as error:
            raise ValidationError(LOCKED, code="locked") from error
        return code

    def verify(self, code: str) -> Any:
        return second_factor.verify(self.user, code, client_of(self.request))

    def get_user(self) -> User:
        return self.user


class EnrolForm(CodeForm):
    """Takes the first code of a new authenticator, and the password or, where the second factor is required, a token.

    The session alone is not enough. Otherwise whoever has got it would lock the operator out, and stay.

    `secret` is the key of the authenticator, in hexadecimal. The form sends it back as `signed_secret`. It is not kept
    in the session, because a thief of the session would see it.
    """

    password = forms.CharField(
        label=_("Password"),
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
    )
    token = forms.CharField(
        label=_("Token"),
        max_length=random_codes.MAX_LENGTH,
        widget=forms.TextInput({"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    # The code comes last: it is the one that expires soon. So the others are there when it is checked.
    field_order = ("password", "token", "code")
    recovery_codes: list[str]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        signer = Signer(salt=f"second factor of user {self.user.pk}")
        try:
            self.secret = signer.unsign(self.data.get("signed_secret", ""))
        except BadSignature:
            self.secret = random_hex(20)
        self.signed_secret = signer.sign(self.secret)
        if second_factor.is_required():
            del self.fields["password"]
            first = "code" if self["token"].value() else "token"
        else:
            del self.fields["token"]
            first = "password"  # no page shows it again
        for name, field in self.fields.items():
            field.widget.attrs["autofocus"] = name == first

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        check_own_password(self.request, self.user, password, ValidationError(WRONG_PASSWORD, code="wrong"))
        return password

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        if self.errors:
            return code
        try:
            return super().clean_code()
        except second_factor.WrongToken:
            self.add_error("token", ValidationError(WRONG_TOKEN, code="wrong"))
            return code

    def verify(self, code: str) -> Any:
        token = self.cleaned_data.get("token", "")
        device, self.recovery_codes = second_factor.enrol(self.user, self.secret, code, token)
        return device
