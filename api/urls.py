from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, re_path
from django.views.decorators.csrf import csrf_exempt

from api import auth_views, exceptions, profile_views


def both(route: str, view: Any, name: str) -> list[URLPattern]:
    """With and without a slash at the end: a redirect would lose the body of a POST."""
    return [path(route, view.as_view(), name=name), path(f"{route}/", view.as_view())]


@csrf_exempt  # nothing is done here, so a POST is answered as a GET is
def nothing_here(request: HttpRequest) -> HttpResponse:
    return exceptions.response("not_found")


urlpatterns = [
    *both("v1/profiles/me", profile_views.MeView, "me"),  # first, for it is asked most
    *both("auth/signup", auth_views.SignupView, "signup"),
    *both("auth/login", auth_views.LoginView, "login"),
    *both("auth/refresh", auth_views.RefreshView, "refresh"),
    *both("auth/logout", auth_views.LogoutView, "logout"),
    *both("v1/devices", auth_views.DevicesView, "devices"),
    *both("v1/devices/<int:device_id>", auth_views.DeviceView, "device"),
    *both("v1/profiles/me/invitations", profile_views.InvitationsView, "invitations"),
    *both("v1/profiles/me/export", profile_views.ExportView, "export"),
    *both("v1/profiles", profile_views.ProfilesView, "profiles"),
    *both("v1/profiles/<int:user_id>", profile_views.ProfileView, "profile"),
    re_path("", nothing_here),
]
