"""The admin's forms for operators and their passwords. The login form is in `lockout`."""

from typing import Any

from django.contrib.admin import forms as admin_forms
from django.contrib.auth import authenticate, update_session_auth_hash
from django.contrib.auth import forms as auth_forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from users import accounts
from users.admin import lockout
from users.admin.fresh import FreshForm
from users.models import User
from users.operators import entries, history


def check_own_password(request: HttpRequest, user: User, password: str, wrong: ValidationError) -> None:
    """Raises `wrong` unless this is the user's password, or another error if log-ins are locked.

    It counts and locks like the password of a log-in: whoever has got the session may be guessing at it.

    Like a log-in, it hashes the password anew if Django's hash has become stronger. The operator's session goes on.
    """
    credentials = {"username": user.phone}
    with lockout.checking(request, credentials):
        if found := authenticate(request, password=password, **credentials):
            if found.password != user.password:
                user.password = found.password
                update_session_auth_hash(request, user)
            return
    raise lockout.locked_out(request, credentials) or wrong


class OperatorForm(FreshForm, auth_forms.UserChangeForm):  # type: ignore[type-arg]
    """Superusers make operators with it."""


class PasswordForm(auth_forms.AdminPasswordChangeForm):  # type: ignore[type-arg]
    """A superuser sets a user's password. No other field is written: it may change while the password is hashed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if choice := self.fields.get("usable_password"):  # Django's words are about log-ins that there are not
            choice.help_text = _("Without a password, the operator cannot log in to the admin.")

    def save(self, commit: bool = True) -> User:
        user: User = super().save(commit=False)
        User.objects.filter(pk=user.pk, erased_at=None).update(password=user.password)
        return user


class OwnPasswordForm(admin_forms.AdminPasswordChangeForm):
    """Operators change their own password. The form gets the request, too."""

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def clean_old_password(self) -> str:
        try:
            entries.check_new_passwords(accounts.history(self.user))
        except entries.TooManyEntries:
            text = _("You have set %(number)d new passwords within an hour. Try again later.")
            raise ValidationError(text, params={"number": entries.NEW_PASSWORDS_AN_HOUR}) from None
        old: str = self.cleaned_data["old_password"]
        wrong = ValidationError(self.error_messages["password_incorrect"], code="password_incorrect")
        check_own_password(self.request, self.user, old, wrong)
        return old

    def save(self, commit: bool = True) -> User:
        """Only in place of the old password: a superuser may have set another one while this one was hashed.

        Otherwise a thief who went on changing the password would undo that. The session ends then, also if the operator
        was disabled meanwhile.
        """
        replaced = self.user.password
        user: User = super().save(commit=False)
        if User.objects.filter(pk=user.pk, is_active=True, password=replaced).update(password=user.password):
            accounts.add_to_history(user, history.told(history.OWN_PASSWORD_CHANGED))
        return user
