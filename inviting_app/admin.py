"""The admin site: its titles, log-in, home page and password form. Models are registered by users and profiles."""

from collections.abc import Iterator
from functools import partial, wraps
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LogoutView, PasswordChangeView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import Resolver404, path, resolve, reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache

# The first apps of the menu, and the lists of each, in this order.
MENU = {
    "users": ["User", "SmsDelivery", "LoginCode", "Device", "SmsGateway", "SiteTotals"],
    "profiles": ["Profile", "Activation", "VotingPeriod", "Result", "WebhookEndpoint", "WebhookDelivery"],
    "auth": ["Group"],
}

SEES_SITE = "users.view_sitetotals"

# Pages that no number of entries closes: they end a session that a thief may have. The form of new passwords has its
# own limit.
UNLIMITED = ("admin:logout", "admin:password_change")

# In octets. A proxy has room for the head of a response: nginx 4 KB, if it is not told otherwise.
LONGEST_REDIRECT = 2000


class AdminSite(admin.AdminSite):
    """Imports inside the methods are late because these modules register their models with this site."""

    site_header = settings.SITE_NAME or "inviting_app"
    site_title = site_header
    empty_value_display = "—"
    site_url = reverse_lazy("page")  # type: ignore[assignment]

    @property
    def login_form(self) -> type[AuthenticationForm]:  # type: ignore[override]
        from users.admin.lockout import LoginForm

        return LoginForm

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        return {**super().each_context(request), "version": f"inviting_app {settings.VERSION}"}

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether the user is an operator who has logged in completely. All pages of the site ask this first."""
        from users.admin import second_factor

        return super().has_permission(request) and not second_factor.is_missing(request.user)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Django's, but the log-in forgets a long address: it would make the head of the response so long that a proxy
        refuses it. nginx then takes the server for broken, and leaves it alone for seconds."""
        asked = self.limited(super().admin_view(view, cacheable))

        @wraps(asked)
        def short(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            answer = asked(request, *args, **kwargs)
            if isinstance(answer, HttpResponseRedirect) and len(answer.url) > LONGEST_REDIRECT:
                return redirect("admin:index" if self.has_permission(request) else "admin:login")
            return answer

        return short

    def limited(self, view: Any) -> Any:
        """The view, which refuses each POST while the operator has made too many entries in the history."""
        from users.operators import entries

        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            is_limited = request.method == "POST" and request.path not in map(reverse, UNLIMITED)
            try:
                if is_limited and self.has_permission(request):
                    entries.check(request.user.pk)
            except entries.TooManyEntries:
                text = gettext(
                    "You have changed or viewed more than %(number)d objects within an hour. Try again later."
                )
                messages.error(request, text % {"number": entries.ENTRIES_AN_HOUR})
                return redirect("admin:index")
            return view(request, *args, **kwargs)

        return checked

    def get_urls(self) -> list[Any]:
        from users.admin import second_factor

        setup = self.limited(second_factor.SetupView.as_view(admin_site=self))
        own = [
            path("second-factor/", setup, name="second_factor"),
            path("second-factor/code/", second_factor.CodeView.as_view(admin_site=self), name="second_factor_code"),
            path("second-factor/leave/", LogoutView.as_view(next_page=reverse_lazy("admin:login")), name="leave"),
        ]
        # No object here has a page for "view on site", and no field completes what is typed. Django's views for these
        # fail for some parameters.
        unused = {"view_on_site", "autocomplete"}
        return [*own, *(url for url in super().get_urls() if getattr(url, "name", None) not in unused)]

    @method_decorator(never_cache)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The log-in. All pages lead here without permission: after the password it goes on with the second factor."""
        from users.admin import password_places, second_factor

        if request.method == "GET" and _leads_nowhere(request.GET.get(REDIRECT_FIELD_NAME, "")):
            return redirect("admin:login")
        if request.method == "GET" and super().has_permission(request) and second_factor.is_missing(request.user):
            step = "second_factor_code" if second_factor.needs_code(request.user) else "second_factor"
            return redirect(f"{reverse(f'admin:{step}')}?{request.GET.urlencode(safe='/')}")
        title = gettext("Log in to the admin")
        return password_places.answered(super().login(request, {"title": title, **(extra_context or {})}))

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """In the same order in every language, first what operators look at most."""
        apps = super().get_app_list(request, app_label)
        for app in apps:
            first = MENU.get(app["app_label"], [])
            app["models"].sort(key=lambda model: [*first, model["object_name"]].index(model["object_name"]))
        return sorted(apps, key=lambda app: [*MENU, app["app_label"]].index(app["app_label"]))

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        from profiles.admin import home
        from users import replica

        shown = replica.read(lambda age: {**home.context(request), "data_age": age})
        if request.user.has_perm("users.view_user"):
            shown["attention"] = list(_attention(request))
        return super().index(request, {**shown, **(extra_context or {})})

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        from users.admin import password_places
        from users.admin.forms import OwnPasswordForm

        view = PasswordChangeView.as_view(
            form_class=partial(OwnPasswordForm, request),
            success_url=reverse_lazy("admin:password_change_done"),
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        answer: Any = view(request)
        return password_places.answered(answer)


def _attention(request: HttpRequest) -> Iterator[tuple[Any, str, str]]:
    """What needs attention: each notice, the address of its page, and the advice for this operator."""
    from inviting_app.ops import attention
    from users.admin import links, permissions
    from users.queries import database_now
    from users.templatetags.commands import has_command

    for notice in attention.notices(database_now()):
        # Whoever sees only users is not who runs commands.
        needs = notice.needs or (SEES_SITE if has_command(notice.todo) else "")
        may = not needs or request.user.has_perm(needs)
        page = links.address(request, notice.about) if notice.about else ""
        yield notice, page, permissions.advice(may, notice.todo)


def _leads_nowhere(address: str) -> bool:
    """Whether this address of our site, if it is one, is that of no page."""
    try:
        path = urlsplit(address).path
        found = resolve(path) if path else None
    except (Resolver404, ValueError):
        return True
    # What no other pattern of the admin matches, Django refuses in a view whose pattern takes any `url`.
    return found is not None and found.app_name == "admin" and "url" in found.kwargs
