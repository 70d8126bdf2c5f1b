from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import re_path
from rest_framework.routers import Route, SimpleRouter

from api import exceptions, viewsets


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


# Each path answers with and without a slash at its end, because a redirect would lose the body of a POST. The paths
# without a slash come last: `reverse` prefers them.
routers = [Router(trailing_slash=slash, use_regex_path=False) for slash in (True, False)]
for router in routers:
    router.register("v1/profiles", viewsets.ProfileViewSet, basename="profile")
    router.register("auth", viewsets.AuthViewSet, basename="auth")
    router.register("v1/devices", viewsets.DeviceViewSet, basename="device")

urlpatterns = [*(pattern for router in routers for pattern in router.urls), re_path("", not_found)]
