"""The OpenAPI document, Swagger UI and Redoc, with all of their files from this server."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView, SpectacularSwaggerSplitView

from api.negotiation import ForgivingContentNegotiation


def _styled(view: Callable[..., HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Allow what both viewers need: styles in the page, and for Redoc a worker made from a blob."""
    policy = settings.CONTENT_SECURITY_POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")

    def styled(request: HttpRequest) -> HttpResponse:
        response = view(request)
        response["Content-Security-Policy"] = f"{policy}; worker-src 'self' blob:"
        return response

    return styled


# In JSON or YAML, as the client asks; in YAML if it asks for neither.
schema = SpectacularAPIView.as_view(content_negotiation_class=ForgivingContentNegotiation)
swagger = _styled(SpectacularSwaggerSplitView.as_view())
redoc = _styled(SpectacularRedocView.as_view(template_name="redoc.html"))
