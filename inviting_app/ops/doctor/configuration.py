"""The settings, as far as they can be judged without asking anybody."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.core.checks import ERROR, CheckMessage, run_checks

from inviting_app.env import is_local
from inviting_app.ops.doctor import Finding, fail, ok, warn
from users.checks import KEY_CHARACTERS, MAKE_A_KEY, secret_key_is_no_guess, sms_fits_one_part

# The shortest key that Django's own check security.W009 lets pass.
ADVISED_LENGTH = 50

_OWN_LINES = {"users.E001", "users.W001", "security.W009"}
_FOR_HTTPS_ONLY = {"security.W004", "security.W012", "security.W016"}


def django() -> Iterator[Finding]:
    """Django's system checks, those for deployment among them."""
    left_out = _OWN_LINES | (set() if _is_https() else _FOR_HTTPS_ONLY)
    found = [message for message in run_checks(include_deployment_checks=True) if not message.is_silenced()]
    found = [message for message in found if message.id not in left_out]
    yield from (_as_finding(message) for message in found)
    if not found:
        yield ok("settings: Django's own checks find nothing")


def _as_finding(message: CheckMessage) -> Finding:
    found = fail if message.level >= ERROR else warn
    return found(
        f"settings: {' '.join(str(message.msg).split())} ({message.id})",
        " ".join((message.hint or "`manage.py check --deploy` tells more.").split()),
    )


def site_url() -> Iterator[Finding]:
    site = settings.SITE_URL
    if is_local(site):
        yield ok(f"settings: SITE_URL is {site}, which only this machine can reach")
    elif _is_https():
        yield ok(f"settings: SITE_URL is {site}")
    else:
        yield fail(
            f"settings: SITE_URL is {site}, without TLS: codes and tokens can be read on their way",
            "Put a proxy that ends TLS in front, and set SITE_URL=https://… and TRUSTED_PROXIES=1.",
        )


def trusted_proxies() -> Iterator[Finding]:
    proxies = settings.TRUSTED_PROXIES
    if proxies and is_local(settings.SITE_URL):
        yield warn(
            f"settings: TRUSTED_PROXIES is {proxies}, but SITE_URL is local: clients can claim any address",
            "Set SITE_URL to the public address, or TRUSTED_PROXIES=0.",
        )
    elif _is_https() and not proxies:
        yield warn(
            "settings: TRUSTED_PROXIES is 0, but SITE_URL is https: all clients would share the address of the proxy "
            "that ends TLS, and the limits of one client",
            "Set TRUSTED_PROXIES to the number of proxies in front, each of which adds to X-Forwarded-For.",
        )
    else:
        yield ok(f"settings: TRUSTED_PROXIES is {proxies}")


def secret_key() -> Iterator[Finding]:
    key = settings.SECRET_KEY
    if len(key) >= ADVISED_LENGTH and len(set(key)) >= KEY_CHARACTERS:
        yield ok("settings: SECRET_KEY is long enough")
        return
    found = fail if secret_key_is_no_guess(None) else warn
    yield found(
        f"settings: SECRET_KEY has fewer than {ADVISED_LENGTH} characters, or too few different ones: guessable",
        f"{MAKE_A_KEY}, and put the old one into SECRET_KEY_FALLBACKS for 30 days: nobody is signed out.",
    )


def demo_mode() -> Iterator[Finding]:
    if not settings.DEMO:
        return
    if is_local(settings.SITE_URL) and is_local(f"//{settings.HOST}"):
        yield ok("settings: demo mode: no SMS is sent, the code is in the answer")
    else:
        yield warn(
            "settings: demo mode that others can reach: no SMS is sent, and anybody can sign in as anybody",
            "Set SMS_GATEWAYS and take ALLOW_DEMO away, or leave HOST and SITE_URL at this machine's own addresses.",
        )


def message() -> Iterator[Finding]:
    too_long = sms_fits_one_part(None)
    yield from (warn(f"message: {found.msg}", found.hint or "") for found in too_long)
    if not too_long:
        yield ok("message: the SMS fits one part in every language")


def _is_https() -> bool:
    return bool(settings.SITE_URL.startswith("https:"))
