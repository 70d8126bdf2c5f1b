"""Who may call an operation, apart from REST framework's own permissions."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from rest_framework.permissions import SAFE_METHODS, BasePermission, IsAdminUser
from rest_framework.request import Request

from api.links import host_of
from users.masks import mask_host
from users.operators import second_factor

_WEB_PORTS = {"http": 80, "https": 443}
# Values of Sec-Fetch-Site. `same-site` is another origin too, such as another name of the same domain.
_OTHER_SITES = {"cross-site", "same-site"}

# Scheme, host and port.
Origin = tuple[str, str, int | None]


class IsStaff(IsAdminUser):
    """Staff, unless operators need a second factor: a session of the API is opened by SMS alone."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return not second_factor.is_required() and super().has_permission(request, view)


class ForeignOrigin(Exception):
    """A page of another site sent this request."""

    def __init__(self, origin: str) -> None:
        super().__init__(origin)
        self.log_cause = f"origin {mask_host(origin)!a:.100}"


class OwnOrigin(BasePermission):
    """Refuse requests that a page of another site makes its visitor's browser send.

    A browser sends a form or plain text to any site without a preflight, from the visitor's network address. So a page
    could request SMS in the name of all its visitors. Browsers name the origin of such a request. Other clients name
    none and are let through. Raises ForeignOrigin.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        origin = request.headers.get("Origin", "")
        site = request.headers.get("Sec-Fetch-Site", "")
        if request.method in SAFE_METHODS or (_is_ours(request, origin) if origin else site not in _OTHER_SITES):
            return True
        raise ForeignOrigin(origin or site)


def _is_ours(request: Request, text: str) -> bool:
    if text.lower() in settings.CORS_ALLOWED_ORIGINS:  # that of an app need not have a host, such as `app://.`
        return True
    origin = _parsed(text)
    if origin is None:
        return False
    scheme, host, _ = origin
    # A proxy that ends TLS does not always tell the scheme.
    own = [f"{each}://{request.get_host()}" for each in {request.scheme, "https"}]
    known = [settings.SITE_URL, *settings.CORS_ALLOWED_ORIGINS, *own]
    return origin in map(_parsed, known) or (scheme in _WEB_PORTS and host in settings.EXTRA_HOSTS)


def _parsed(text: str) -> Origin | None:
    """An origin in one spelling, or None for `null` and for a text that is not an origin."""
    try:
        parts, host = urlsplit(text), host_of(text)
        return (parts.scheme, host, parts.port or _WEB_PORTS.get(parts.scheme)) if host else None
    except ValueError:
        return None
