"""Checks of the settings: those that contradict each other or are not safe."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Warning

from inviting_app.values import is_local


def check_settings(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    site, proxies = settings.SITE_URL, settings.TRUSTED_PROXIES
    local, https = is_local(site), site.startswith("https:")
    if not local and not https:
        what = f"SITE_URL is {site}, without TLS: others can read codes and tokens on their way."
        hint = "Put a proxy with TLS in front of the service, and set `SITE_URL=https://…` and `TRUSTED_PROXIES=1`."
        found.append(Error(what, hint=hint, id="inviting_app.E001"))
    if proxies and local:
        what = f"TRUSTED_PROXIES is {proxies}, but SITE_URL is local: clients can claim any address."
        hint = "Set SITE_URL to the public address, or `TRUSTED_PROXIES=0`."
        found.append(Warning(what, hint=hint, id="inviting_app.W001"))
    if not proxies and https:
        what = "TRUSTED_PROXIES is 0, but SITE_URL is https: all clients share the proxy's address, and its limits."
        hint = "Set TRUSTED_PROXIES to the number of proxies in front. Each must add to X-Forwarded-For."
        found.append(Warning(what, hint=hint, id="inviting_app.W002"))
    if settings.DEMO and not (local and all(is_local(f"//{host}") for host in (settings.HOST, *settings.EXTRA_HOSTS))):
        what = "Others can reach the demo mode: no SMS is sent, and anybody can sign in as anybody."
        hint = "Set SMS_GATEWAYS and remove ALLOW_DEMO, or leave HOST, SITE_URL and EXTRA_HOSTS at this machine."
        found.append(Warning(what, hint=hint, id="inviting_app.W003"))
    unsaid = [name for name in ("OPERATOR_NAME", "PRIVACY_URL", "CONTACT_URL") if not getattr(settings, name)]
    if not local and unsaid:
        what = f"The page asks people for their numbers, and {', '.join(unsaid)} would tell them who asks."
        hint = "Set them in `.env`: the sign-in screen and the foot of each page show them."
        found.append(Info(what, hint=hint, id="inviting_app.I001"))
    return found
