from collections.abc import Iterable

from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

Renderers = Iterable[BaseRenderer]

# What is read of an `Accept`: each of its types is compared with each format. Chrome's has 135 characters.
ACCEPT_CHARACTERS = 256


class IgnoreClientContentNegotiation(DefaultContentNegotiation):
    """Answer JSON whatever `Accept` says, so no value of it gives 406."""

    def select_renderer(
        self, request: Request, renderers: Renderers, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type


class ForgivingContentNegotiation(DefaultContentNegotiation):
    """Answer as the client asks, or in the first format instead of a 406."""

    def get_accept_list(self, request: Request) -> list[str]:
        header = request.META.get("HTTP_ACCEPT", "*/*")[:ACCEPT_CHARACTERS]
        return [media_type.strip() for media_type in header.split(",")]

    def select_renderer(
        self, request: Request, renderers: Renderers, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        try:
            chosen: tuple[BaseRenderer, str] = super().select_renderer(request, renderers, format_suffix)
        except NotAcceptable:
            renderer = next(iter(renderers))
            return renderer, renderer.media_type
        return chosen
