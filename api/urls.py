from __future__ import annotations

from typing import Any

from django.urls import URLPattern, path, re_path

from api import views


def both(route: str, view: Any, name: str) -> list[URLPattern]:
    """With and without a slash at the end: a redirect would lose the body of a POST."""
    return [path(route, view.as_view(), name=name), path(f"{route}/", view.as_view())]


urlpatterns = [
    *both("auth/signup", views.SignupView, "signup"),
    *both("auth/login", views.LoginView, "login"),
    *both("auth/refresh", views.RefreshView, "refresh"),
    *both("auth/logout", views.LogoutView, "logout"),
    *both("v1/devices", views.DevicesView, "devices"),
    *both("v1/devices/<int:device_id>", views.DeviceView, "device"),
    *both("v1/profiles/me", views.MeView, "me"),
    *both("v1/profiles/me/invitations", views.InvitationsView, "invitations"),
    *both("v1/profiles/me/export", views.ExportView, "export"),
    *both("v1/profiles", views.ProfilesView, "profiles"),
    *both("v1/profiles/<int:user_id>", views.ProfileView, "profile"),
    re_path("", views.not_found),
]
