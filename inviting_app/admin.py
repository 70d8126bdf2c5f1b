"""The admin site: its titles, login form, home page and password form. Models are registered by users and profiles."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse_lazy


class AdminSite(admin.AdminSite):
    """Imports inside the methods are late because these modules register their models with this site."""

    site_header = "inviting_app"
    site_title = f"inviting_app {settings.VERSION}"
    site_url = reverse_lazy("page")  # type: ignore[assignment]

    @property
    def login_form(self) -> type[AuthenticationForm]:  # type: ignore[override]
        from users.admin.lockout import LoginForm

        return LoginForm

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        from profiles.admin import home

        return super().index(request, {**home.context(request), **(extra_context or {})})

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        from users.admin.forms import OwnPasswordForm

        view = PasswordChangeView.as_view(
            form_class=OwnPasswordForm,
            success_url=reverse_lazy("admin:password_change_done"),
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        return view(request)
