"""Checks of what must be renewed or repeated: the backups, and the certificate of SITE_URL."""

import socket
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from django.utils import translation

from inviting_app.ops import attention, certificate
from inviting_app.ops.checks_database import Found, has_no_tables, run_each
from users.models import SiteTotals
from users.queries import database_now


def check_upkeep(app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    if has_no_tables(databases):
        return []
    with translation.override("en"):
        return run_each([backups, shown_certificate])


def backups() -> Found:
    for notice in attention.backups(SiteTotals.objects.first(), database_now()):
        yield Warning(notice.what, hint=notice.todo, id="inviting_app.W024")


def shown_certificate() -> Found:
    """As clients of SITE_URL see it now."""
    try:
        found = certificate.look()
    except socket.gaierror:
        what = f"The name of SITE_URL is not known here: {urlsplit(settings.SITE_URL).hostname}."
        hint = "Look for a typing error, or make its A record (and AAAA). A new record may take a while to arrive."
        yield Warning(what, hint=hint, id="inviting_app.W025")
        return
    except OSError as error:
        what = f"Nothing answers at {settings.SITE_URL} from here: {error.strerror or error}."
        hint = "Try it from another machine. If nothing answers there either: start the proxy, open ports 80 and 443."
        yield Warning(what, hint=hint, id="inviting_app.W025")
        return
    for notice in attention.certificates(found, database_now()):
        level, number = (Error, "E025") if notice.is_urgent else (Warning, "W026")
        yield level(notice.what, hint=notice.todo, id=f"inviting_app.{number}")
