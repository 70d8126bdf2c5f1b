"""What every page for users says about the service."""

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext


def site(request: HttpRequest) -> dict[str, str]:
    """The name of the service, and who runs it: a context processor."""
    return {
        "site_name": settings.SITE_NAME or gettext("Invitations"),
        "configured_name": settings.SITE_NAME,
        "operator_name": settings.OPERATOR_NAME,
        "privacy_url": settings.PRIVACY_URL,
        "contact_url": settings.CONTACT_URL,
    }
