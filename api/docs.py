"""The OpenAPI document, Swagger UI and Redoc, with all of their files from this server."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView, SpectacularSwaggerSplitView
from rest_framework.negotiation import DefaultContentNegotiation

# In JSON or YAML, as the client asks.
schema = SpectacularAPIView.as_view(content_negotiation_class=DefaultContentNegotiation)


class Swagger(SpectacularSwaggerSplitView):
    url_name = "schema"


class Redoc(SpectacularRedocView):
    url_name = "schema"
    template_name = "redoc.html"


def swagger(request: HttpRequest) -> HttpResponse:
    return _styled(Swagger.as_view()(request))


def redoc(request: HttpRequest) -> HttpResponse:
    return _styled(Redoc.as_view()(request))


def _styled(response: HttpResponse) -> HttpResponse:
    """Both viewers write their styles into the page, and Redoc searches in a worker made from a blob."""
    policy = settings.CONTENT_SECURITY_POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
    response["Content-Security-Policy"] = f"{policy}; worker-src 'self' blob:"
    return response
