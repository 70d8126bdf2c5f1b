"""The OpenAPI document, Swagger UI and Redoc, with all of their files from this server."""

from collections.abc import Callable
from functools import cache
from threading import Lock
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import translation
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView, SpectacularSwaggerSplitView
from rest_framework.request import Request

from api.negotiation import ForgivingContentNegotiation

# By the names of drf-spectacular's formats. Each has two media types.
_RENDERERS = {"json": OpenApiJsonRenderer, "yaml": OpenApiYamlRenderer}


# drf-spectacular loads its extensions with the first document. Two threads that do so at once fail.
_making = Lock()


def document(language: str) -> dict[str, Any]:
    """The OpenAPI document in one of LANGUAGES. Made once: it takes 50 ms of CPU."""
    with _making:
        return _made(language)


@cache
def _made(language: str) -> dict[str, Any]:
    with translation.override(language):
        made: dict[str, Any] = SchemaGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]
    return made


@cache
def _written(language: str, form: str) -> bytes:
    written = _RENDERERS[form]().render(document(language), renderer_context={})
    return written if isinstance(written, bytes) else written.encode()


class _Schema(SpectacularAPIView):
    """The document in JSON or YAML, as the client asks; in YAML if it asks for neither.

    drf-spectacular's own view makes it for each request, in any `lang`, for each of which Django would keep a catalogue
    of translations for ever. It also writes any `version` into a header.
    """

    content_negotiation_class = ForgivingContentNegotiation

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        renderer = request.accepted_renderer
        body = _written(translation.get_language() or settings.LANGUAGE_CODE, renderer.format)
        name = f'inline; filename="{settings.SPECTACULAR_SETTINGS["TITLE"]}.{renderer.format}"'
        charset = f"; charset={renderer.charset}" if renderer.charset else ""
        return HttpResponse(body, content_type=renderer.media_type + charset, headers={"Content-Disposition": name})


def _viewer(view: Callable[..., HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """A viewer without the client's query, and allowed what it needs: styles in the page, for Redoc a worker of a blob.

    The viewers would pass `lang` and `version` on to the document.
    """
    policy = settings.CONTENT_SECURITY_POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")

    def viewer(request: HttpRequest) -> HttpResponse:
        # The script of Swagger UI has the same path as its page.
        request.GET = QueryDict("script=" if "script" in request.GET else "")
        response = view(request)
        response["Content-Security-Policy"] = f"{policy}; worker-src 'self' blob:"
        return response

    return viewer


schema = _Schema.as_view()
swagger = _viewer(SpectacularSwaggerSplitView.as_view(url_self="/docs"))
redoc = _viewer(SpectacularRedocView.as_view(template_name="redoc.html"))
