"""System checks for deployment: `manage.py doctor` and `manage.py check --deploy --database default` run them.

No message holds a secret or a phone, because it may be pasted into a ticket.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from inviting_app.env import is_local
from inviting_app.ops.checks_database import check_database
from inviting_app.ops.checks_service import check_service

# The tag of the checks that need a running service.
SERVICE = "service"


def register_all() -> None:
    """For deployment only: `migrate` runs the other checks, and must not fail because no worker runs."""
    register(check_site_url, Tags.security, deploy=True)
    register(check_trusted_proxies, Tags.security, deploy=True)
    register(check_demo_mode, Tags.security, deploy=True)
    register(check_database, Tags.database, deploy=True)
    register(check_service, SERVICE, deploy=True)


def check_site_url(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if is_local(settings.SITE_URL) or settings.SITE_URL.startswith("https:"):
        return []
    what = f"SITE_URL is {settings.SITE_URL}, without TLS: others can read codes and tokens on their way."
    hint = "Put a proxy with TLS in front of the service, and set SITE_URL=https://… and TRUSTED_PROXIES=1."
    return [Error(what, hint=hint, id="inviting_app.E001")]


def check_trusted_proxies(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    proxies = settings.TRUSTED_PROXIES
    if proxies and is_local(settings.SITE_URL):
        what = f"TRUSTED_PROXIES is {proxies}, but SITE_URL is local: clients can claim any address."
        hint = "Set SITE_URL to the public address, or TRUSTED_PROXIES=0."
        return [Warning(what, hint=hint, id="inviting_app.W001")]
    if not proxies and settings.SITE_URL.startswith("https:"):
        what = "TRUSTED_PROXIES is 0, but SITE_URL is https: all clients share the proxy's address, and its limits."
        hint = "Set TRUSTED_PROXIES to the number of proxies in front. Each must add to X-Forwarded-For."
        return [Warning(what, hint=hint, id="inviting_app.W002")]
    return []


def check_demo_mode(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if not settings.DEMO or (is_local(settings.SITE_URL) and is_local(f"//{settings.HOST}")):
        return []
    what = "Others can reach the demo mode: no SMS is sent, and anybody can sign in as anybody."
    hint = "Set SMS_GATEWAYS and remove ALLOW_DEMO, or leave HOST and SITE_URL at addresses of this machine."
    return [Warning(what, hint=hint, id="inviting_app.W003")]
