"""Delivery receipts as providers send them, and the SMS that they are about."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.http.request import HttpHeaders
from django.utils import timezone

from users.models import LoginCode, SmsDelivery, User
from users.sms import receipts
from users.sms.gateways import Gateway, configured
from users.sms.inbound import Inbound

SITE = "https://example.org"
BACKEND = "webhook://me:hunter2@127.0.0.1:9/sms"


def receiving(settings: Any) -> None:
    """A fixture: the service at SITE, whose one gateway is BACKEND."""
    settings.SITE_URL = SITE
    settings.DEMO, settings.SMS_GATEWAYS = False, [BACKEND]


def url(gateway: str) -> str:
    """A gateway's URL for SMS_GATEWAYS, whose host need not be there."""
    scheme, _, rest = gateway.partition("://")
    host = {"infobip": "127.0.0.1:9", "webhook": "127.0.0.1:9"}.get(scheme.partition("+")[0], "")
    return f"{scheme}://{rest.replace('@', f'@{host}', 1)}" if host and f"@{host}" not in rest else gateway


def path(gateway: Gateway | None = None) -> str:
    """Where the provider of this gateway, or of the only one, sends receipts."""
    [made] = [gateway] if gateway else configured()
    assert made.receipts.startswith(f"{SITE}/sms/receipts/")
    return made.receipts.removeprefix(SITE)


def sent(gateway: str, reference: str, phone: str = "+79991234567", **values: Any) -> SmsDelivery:
    """An SMS that this gateway took."""
    user, _ = User.objects.get_or_create(phone=phone)
    now = timezone.now()
    times = dict.fromkeys(["created_at", "sent_at", "open_until", "expires_at", "closed_at"], now)
    code = LoginCode.objects.create(user=user, length=4, nonce=b"n", language="en", challenges=1, wrong=0, **times)
    taken = {"state": "sent", "address": f"+7***{phone[-4:]}", "country": "RU", "prefix": phone[:-4]}
    taken |= {"created_at": now, "finished_at": now}
    return SmsDelivery.objects.create(login_code=code, gateway=gateway, gateway_ref=reference, **taken | values)


def body(receipt: Mapping[str, Any]) -> tuple[bytes, str]:
    """The body of a receipt in the test data, and its media type."""
    if "json" in receipt:
        return json.dumps(receipt["json"]).encode(), "application/json"
    if "form" in receipt:
        return urlencode(receipt["form"]).encode(), "application/x-www-form-urlencoded"
    return receipt.get("body", "").encode(), receipt.get("content_type", "")


def inbound(receipt: Mapping[str, Any], at: str) -> Inbound:
    """A receipt of the test data as a request to this path, signed if the provider always signs."""
    content, kind = body(receipt)
    given = {**receipt.get("headers", {}), "Content-Type": kind}
    headers = HttpHeaders({f"HTTP_{name.upper().replace('-', '_')}": value for name, value in given.items()})
    return Inbound(at, urlencode(receipt.get("query", {})), headers, content)


def signed(gateway: Gateway, receipt: Mapping[str, Any], at: str) -> dict[str, Any]:
    """The receipt with the headers of providers that sign what the test data cannot know."""
    key, provider = gateway.values.get("password", "").encode(), gateway.account[0]
    fields = "".join(name + value for name, value in sorted(receipt.get("form", {}).items()))
    query = "&".join(f"{name}={value}" for name, value in sorted(receipt.get("query", {}).items()))
    headers = {}
    if provider == "twilio":
        headers = {"X-Twilio-Signature": _hmac(key, f"{SITE}{at}{fields}", hashlib.sha1)}
    elif provider == "plivo":
        signature = _hmac(key, f"{SITE}{at}?{query}{fields}.12345", hashlib.sha256)
        headers = {"X-Plivo-Signature-V3": f"AAAA,{signature}", "X-Plivo-Signature-V3-Nonce": "12345"}
    elif provider == "webhook" and (secret := gateway.values.get("secret")):
        given = f"msg_1.1700000000.{body(receipt)[0].decode()}"
        signature = _hmac(base64.b64decode(secret.removeprefix("whsec_")), given, hashlib.sha256)
        headers = {
            "Webhook-Id": "msg_1",
            "Webhook-Timestamp": "1700000000",
            "Webhook-Signature": f"v1a,x v1,{signature}",
        }
    return {**receipt, "headers": {**headers, **receipt.get("headers", {})}}


def _hmac(key: bytes, text: str, algorithm: Any) -> str:
    return base64.b64encode(hmac.new(key, text.encode(), algorithm).digest()).decode()


def say(status: str, reference: str = "a-1", **more: str) -> dict[str, Any]:
    """A receipt of a backend of our own."""
    return {"json": {"id": reference, "status": status, **more}}


def take(receipt: dict[str, Any], at: str = "") -> list[tuple[str, str]]:
    """What is counted after this receipt arrived at the only gateway."""
    at, seen = at or path(), []  # type: ignore[var-annotated]
    receipts.take(at.rpartition("/")[2], inbound(receipt, at), lambda *one: seen.append(one[:2]))
    return seen


def state(delivery: SmsDelivery) -> tuple[bool, str]:
    """Whether the SMS was delivered, and why it was not."""
    delivery.refresh_from_db()
    return delivery.delivered_at is not None, delivery.undelivered
