"""The pages of the second factor: the code at the log-in, and what operators do about their own."""

from base64 import b32encode
from typing import Any

import segno
from django.contrib import admin, messages
from django.contrib.auth import BACKEND_SESSION_KEY
from django.contrib.auth import login as log_in
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop as N_
from django.views.decorators.cache import never_cache
from django.views.generic import FormView
from django_otp import views as otp_views
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from users import accounts
from users.admin import password_places
from users.admin.second_factor_forms import NEW_TOKEN, CodeForm, EnrolForm
from users.models import User
from users.operators import history, second_factor


def _has_factor(user: Any) -> bool:
    """Whether the operator has a second factor. Read once in a request: a page and its navigation both ask."""
    if not hasattr(user, "has_second_factor"):
        user.has_second_factor = second_factor.is_enrolled(user)
    return bool(user.has_second_factor)


def needs_code(user: Any) -> bool:
    """Whether the operator has given the password only. `is_verified` is django-otp's."""
    return not user.is_verified() and _has_factor(user)


def is_missing(user: Any) -> bool:
    """Whether the operator may not use the admin yet: a code is needed, or a second factor at all."""
    return not user.is_verified() and (second_factor.is_required() or _has_factor(user))


class SecondFactorMixin:
    """What the pages share."""

    # Given by `as_view`.
    admin_site: admin.AdminSite = None  # type: ignore[assignment]
    request: HttpRequest
    title: Any = ""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)  # type: ignore[misc]
        own = {"title": self.title, "is_required": second_factor.is_required()}
        return {**context, **self.admin_site.each_context(self.request), **own}

    def form_invalid(self, form: CodeForm) -> HttpResponse:
        response: HttpResponse = super().form_invalid(form)  # type: ignore[misc]
        if form.has_error("code", "locked"):
            response.status_code = 429
        return password_places.answered(response)

    def show_recovery_codes(self, codes: list[str]) -> HttpResponse:
        """Show them once: in the response itself, which no browser keeps."""
        context = {**self.get_context_data(), "title": _("Recovery codes"), "codes": codes}
        return self.response_class(self.request, ["admin/users/second_factor/recovery_codes.html"], context)  # type: ignore[attr-defined,no-any-return]

    def record(self, message: str) -> None:
        user: Any = self.request.user
        accounts.add_to_history(User.objects.get(pk=user.pk), history.told(message))


class CodeView(SecondFactorMixin, otp_views.LoginView):  # type: ignore[misc]
    """The second step of a log-in."""

    otp_token_form = CodeForm
    template_name = "admin/users/second_factor/code.html"
    next_page = reverse_lazy("admin:index")
    title = _("Log in")

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated or not needs_code(request.user):
            return redirect("admin:index")
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return response

    def form_valid(self, form: CodeForm) -> HttpResponse:
        user = form.get_user()
        response: HttpResponse = super().form_valid(form)
        self.request.session.cycle_key()  # Django does it at the password only
        if isinstance(user.otp_device, StaticDevice):  # type: ignore[attr-defined]
            left = second_factor.recovery_codes_left(user)
            self.record(N_("Used a recovery code."))
            text = gettext("You used a recovery code. Codes left: %(left)d.")
            messages.warning(self.request, text % {"left": left})
        return response


@method_decorator(never_cache, name="dispatch")
class SetupView(SecondFactorMixin, FormView):  # type: ignore[type-arg]
    """Operators set up their second factor, or change it with a current code. Nobody does it for somebody else."""

    title = _("Second factor")

    @property
    def is_on(self) -> bool:
        return second_factor.is_enrolled(self.request.user)  # type: ignore[arg-type]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        is_operator = request.user.is_active and getattr(request.user, "is_staff", False)
        if not is_operator or needs_code(request.user):
            return redirect("admin:login")
        return super().dispatch(request, *args, **kwargs)

    def get_template_names(self) -> list[str]:
        return [f"admin/users/second_factor/{'change' if self.is_on else 'enrol'}.html"]

    def get_form_class(self) -> type[CodeForm]:
        return CodeForm if self.is_on else EnrolForm

    def get_initial(self) -> dict[str, Any]:
        return {"token": self.request.session.get(NEW_TOKEN, "")}

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "user": self.request.user, "request": self.request}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        user: Any = self.request.user
        if self.is_on:
            return {**context, "left": second_factor.recovery_codes_left(user)}
        device = TOTPDevice(user=user, key=context["form"].secret)
        shown = b32encode(device.bin_key).decode()
        return {
            **context,
            "qr": segno.make(device.config_url, error="m").svg_data_uri(scale=5, light="#fff"),
            "secret": " ".join(shown[place : place + 4] for place in range(0, len(shown), 4)),
        }

    def form_valid(self, form: CodeForm) -> HttpResponse:
        if isinstance(form, EnrolForm):
            return self.enrolled(form)
        user = form.get_user()
        if "_off" not in self.request.POST:
            self.record(N_("Made new recovery codes."))
            return self.show_recovery_codes(second_factor.new_recovery_codes(user))
        # Where it is required, the current code gives the right to set it up again, in this session. Not if a superuser
        # reset it a moment ago: that token would stop working.
        if second_factor.turn_off(user):
            self.request.session[NEW_TOKEN] = second_factor.token_to_set_up(user)
        self.record(N_("Turned off their second factor."))
        messages.success(self.request, _("The second factor is off."))
        return redirect("admin:second_factor")

    def enrolled(self, form: EnrolForm) -> HttpResponse:
        self.request.session.pop(NEW_TOKEN, None)
        self.record(N_("Set up their second factor."))
        log_in(self.request, form.get_user(), self.request.session[BACKEND_SESSION_KEY])
        self.request.session.cycle_key()
        return self.show_recovery_codes(form.recovery_codes)
