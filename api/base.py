from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from rest_framework import views
from rest_framework.request import Request


class APIView(views.APIView):
    """OPTIONS is refused like any method that is not there: the OpenAPI document tells what is."""

    http_method_names = ("get", "head", "post", "delete")

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[Any, str]:
        """There is one renderer, and nearly everybody takes whatever there is: then nothing is to be negotiated."""
        if not takes_anything(request):
            return super().perform_content_negotiation(request, force)
        (renderer,) = self.get_renderers()
        return renderer, renderer.media_type


def takes_anything(request: Request | HttpRequest) -> bool:
    """Whether the client takes whatever there is."""
    return bool(request.META.get("HTTP_ACCEPT", "*/*") == "*/*")
