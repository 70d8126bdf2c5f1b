from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import re_path
from rest_framework.routers import Route, SimpleRouter

from api import exceptions, phone_change, viewsets, voting


class Router(SimpleRouter):
    """SimpleRouter whose list route also takes DELETE, with the viewset's `destroy_all`."""

    routes = [
        Route(
            url=r"^{prefix}{trailing_slash}$",
            mapping={"get": "list", "delete": "destroy_all"},
            name="{basename}-list",
            detail=False,
            initkwargs={"suffix": "List"},
        ),
        *SimpleRouter.routes[1:],
    ]


def not_found(request: HttpRequest) -> HttpResponse:
    return exceptions.response("not_found")


def urls(prefix: str, *, trailing_slash: bool) -> list[Any]:
    """The URLs of all viewsets, with names that start with the prefix."""
    router = Router(trailing_slash=trailing_slash, use_regex_path=False)
    router.register("v1/profiles", viewsets.ProfileViewSet, basename=f"{prefix}profile")
    router.register("auth", viewsets.AuthViewSet, basename=f"{prefix}auth")
    router.register("v1/profiles/me", phone_change.PhoneChangeViewSet, basename=f"{prefix}phone-change")
    router.register("v1", voting.VotingViewSet, basename=f"{prefix}voting")
    router.register("v1/devices", viewsets.DeviceViewSet, basename=f"{prefix}device")
    return router.urls


# Each path answers with and without a slash at its end, because a redirect would lose the body of a POST.
urlpatterns = [
    *urls("", trailing_slash=False),
    *urls("slash-", trailing_slash=True),
    re_path("", not_found),
]
