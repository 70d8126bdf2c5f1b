"""Sending a sign-in code to its phone."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from users import codes
from users.clock import ClockTimestamp
from users.models import LoginCode, SmsDelivery

logger = logging.getLogger(__name__)


class GatewaysFailed(Exception):
    """No gateway took the message; it may be tried again while the code lives."""


def deliver(delivery_id: int) -> None:
    """Send what this delivery row asks for, unless it was sent already or would arrive dead.

    Raises GatewaysFailed.
    """
    delivery = (
        SmsDelivery.objects.select_related("login_code__user")
        .annotate(now=ClockTimestamp())
        .filter(pk=delivery_id, state=SmsDelivery.State.QUEUED)
        .first()
    )
    if delivery is None:
        return
    code = delivery.login_code
    if code.used_at or code.expires_at <= delivery.now or code.user.phone is None:
        _record(delivery, SmsDelivery.State.DROPPED)
        return
    try:
        gateway = _send(code.user.phone, message(code))
    except GatewaysFailed as error:
        SmsDelivery.objects.filter(pk=delivery.pk).update(error=str(error))
        raise
    _record(delivery, SmsDelivery.State.SENT, gateway)


def message(code: LoginCode) -> str:
    """The text for the phone, its last line in the origin-bound form that browsers fill in by themselves."""
    host = urlsplit(settings.SITE_URL).netloc
    digits = codes.derive(code.nonce, code.digits)
    with translation.override(code.language):
        sentence = _("%(code)s is your sign-in code. Never share it.") % {"code": digits}
    return f"{sentence}\n\n@{host} #{digits}"


def _send(phone: str, text: str) -> str:
    """Hand the text to the first gateway that takes it; returns that gateway's name, which holds no secret."""
    if settings.DEMO:
        logger.info("DEMO, nothing is sent: %s", text.splitlines()[0])
        return "demo"
    from apprise import Apprise  # slow to import, and only the worker needs it

    for number, url in enumerate(settings.SMS_GATEWAYS, start=1):
        gateway = Apprise()
        gateway.add(url.replace("{phone}", phone))
        if gateway.notify(body=text):
            return f"{number} {urlsplit(url).scheme}"
    raise GatewaysFailed("no gateway took the message")


def _record(delivery: SmsDelivery, state: SmsDelivery.State, gateway: str = "") -> None:
    SmsDelivery.objects.filter(pk=delivery.pk).update(
        state=state, gateway=gateway, error="", finished_at=ClockTimestamp()
    )
