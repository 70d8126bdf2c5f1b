"""The admin site: its name, its log-in, and how operators change their own password."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm, AdminPasswordChangeForm
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from procrastinate.contrib.django.models import ProcrastinateJob

from users import phones
from users.admin.users import PasswordAlone
from users.models import User


class PhoneLoginForm(AdminAuthenticationForm):
    """The log-in takes a phone in any spelling, which may be longer than the stored one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].max_length = phones.MAX_LENGTH  # type: ignore[attr-defined]
        self.fields["username"].widget.attrs["maxlength"] = phones.MAX_LENGTH

    def get_invalid_login_error(self) -> ValidationError:
        if not getattr(self.request, "axes_locked_out", False):
            return super().get_invalid_login_error()
        minutes = int(settings.AXES_COOLOFF_TIME.total_seconds() / 60)
        return ValidationError(
            _("Too many wrong passwords from your network address. Try again in %(minutes)d minutes."),
            code="locked_out",
            params={"minutes": minutes},
        )


class OwnPasswordForm(PasswordAlone, AdminPasswordChangeForm):
    def save(self, commit: bool = True) -> User:
        user = super().save()
        LogEntry.objects.log_actions(user.pk, [user], CHANGE, gettext("Changed the own password."), single_object=True)
        return user


def _own_password(request: HttpRequest) -> HttpResponseBase:
    view = PasswordChangeView.as_view(
        form_class=OwnPasswordForm,
        success_url=reverse_lazy("admin:password_change_done"),
        extra_context=admin.site.each_context(request),
    )
    return view(request)


own_password = admin.site.admin_view(_own_password, cacheable=True)

admin.site.login_form = PhoneLoginForm
admin.site.site_header = "inviting_app"
admin.site.site_title = f"inviting_app {settings.VERSION}"
admin.site.site_url = reverse_lazy("page")  # type: ignore[assignment]

# Procrastinate has no names in other languages.
apps.get_app_config("procrastinate").verbose_name = _("Queue")
ProcrastinateJob._meta.verbose_name, ProcrastinateJob._meta.verbose_name_plural = _("job"), _("jobs")
