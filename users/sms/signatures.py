"""Signatures of delivery receipts, by the names that provider tables have for them.

A scheme returns whether a request has the provider's signature, or None if the gateway's URL has no key for it: then
the token of the receipts' URL is the only proof. Times in signatures are not compared with the clock, because a receipt
that is sent again changes nothing.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit, urlunsplit

from standardwebhooks import Webhook

from users.sms.inbound import Inbound, Pairs

Values = Mapping[str, str]

# Vonage's names of the hash functions of an HMAC. `md5hash`, its default, is no HMAC.
_VONAGE_METHODS = frozenset({"md5", "sha1", "sha256", "sha512"})

_PORTS = {"https": 443, "http": 80}


def is_genuine(scheme: str, request: Inbound, accounts: Iterable[Values]) -> bool:
    """Whether the request has the signature that one of these gateways expects, or none of them can check it."""
    found = [SCHEMES[scheme](request, values) for values in accounts] if scheme else []
    return True in found or all(one is None for one in found)


def key_error(scheme: str, values: Values) -> str:
    """Why the keys in a gateway's URL cannot be used, or an empty string."""
    if scheme == "telnyx" and "public_key" in values and len(_base64(values["public_key"])) != 32:
        return "public_key must be 32 bytes in base64"
    if scheme == "vonage" and values.get("signature_method", "md5hash") not in {"md5hash", *_VONAGE_METHODS}:
        return f"signature_method must be md5hash, {', '.join(sorted(_VONAGE_METHODS))}"
    return ""


def _twilio(request: Inbound, values: Values) -> bool | None:
    """https://www.twilio.com/docs/usage/webhooks/webhooks-security"""
    if not (key := values.get("password")):
        return None
    given, signed = request.headers.get("X-Twilio-Signature", ""), _joined(request.form)
    # Twilio signs with or without the port.
    right = [_hmac64(key, url + signed, "sha1") for url in _with_and_without_port(request.url)]
    return _equals_any([given], right)


def _plivo(request: Inbound, values: Values) -> bool | None:
    """https://www.plivo.com/docs/messaging/concepts/signature-validation, and V3 as in Plivo's own libraries.

    V2 does not cover the fields, so it counts only if there is no V3.
    """
    if not (key := values.get("password")):
        return None
    headers, base = request.headers, request.url.partition("?")[0]
    given = [headers.get(f"X-Plivo-Signature-{name}V3", "") for name in ("", "Ma-")]
    if any(given):
        query, form = "&".join(f"{name}={value}" for name, value in sorted(request.query_fields)), _joined(request.form)
        url = base + (f"?{query}" if query or form else "") + ("." if query and form else "") + form
        right = _hmac64(key, f"{url}.{headers.get('X-Plivo-Signature-V3-Nonce', '')}", "sha256")
    else:
        given = [headers.get(f"X-Plivo-Signature-{name}V2", "") for name in ("", "Ma-")]
        right = _hmac64(key, base + headers.get("X-Plivo-Signature-V2-Nonce", ""), "sha256")
    return _equals_any([each.strip() for one in given for each in one.split(",")], [right])


def _telnyx(request: Inbound, values: Values) -> bool | None:
    """https://developers.telnyx.com/docs/messaging/messages/receiving-webhooks: Ed25519, with the account's key."""
    if "public_key" not in values:
        return None
    # Loaded for the first receipt: few deployers use it.
    from nacl.exceptions import CryptoError
    from nacl.signing import VerifyKey

    signature = _base64(request.headers.get("Telnyx-Signature-Ed25519", ""))
    signed = request.headers.get("Telnyx-Timestamp", "").encode() + b"|" + request.body
    try:
        VerifyKey(_base64(values["public_key"])).verify(signed, signature)
    except CryptoError:
        return False
    return True


def _vonage(request: Inbound, values: Values) -> bool | None:
    """https://developer.vonage.com/en/getting-started/concepts/signing-messages"""
    key, method = values.get("signature_secret"), values.get("signature_method", "md5hash")
    if not key or not isinstance(request.fields, dict):
        return False if key else None
    pairs = [(name, str(value)) for name, value in sorted(request.fields.items()) if name != "sig"]
    signed = "".join(f"&{name}={re.sub('[&=]', '_', value)}" for name, value in pairs).encode(errors="replace")
    if method == "md5hash":
        right = hashlib.md5(signed + key.encode(), usedforsecurity=False).hexdigest()
    else:
        right = hmac.new(key.encode(), signed, method).hexdigest()
    return _equals_any([str(request.fields.get("sig", "")).lower()], [right])


def _smsc(request: Inbound, values: Values) -> bool | None:
    """https://smsc.ru/api/http/miscellaneous/callback/: `sha1` or `md5` over "id:phone:status:secret"."""
    if not (key := values.get("secret")):
        return None
    # The fields that are read afterwards, wherever they stand: others must not be signed in their place.
    sent = {name: str(value) for name, value in request.fields.items()} if isinstance(request.fields, dict) else {}
    signed = ":".join([*(sent.get(name, "") for name in ("id", "phone", "status")), key]).encode(errors="replace")
    right = {
        "sha1": hashlib.sha1(signed, usedforsecurity=False).hexdigest(),
        "md5": hashlib.md5(signed, usedforsecurity=False).hexdigest(),
    }
    given = {name: sent[name].lower() for name in right if sent.get(name)}
    return bool(given) and all(_equals_any([given[name]], [right[name]]) for name in given)


def _smsru(request: Inbound, values: Values) -> bool | None:
    """https://sms.ru/api/callback: `hash` is the SHA-256 of the api_id and all records, one after the other."""
    sent = dict(request.form)
    signed = values.get("user", "") + "".join(numbered(sent, "data"))
    right = hashlib.sha256(signed.encode(errors="replace")).hexdigest()
    return _equals_any([sent.get("hash", "").lower()], [right])


def _standard_webhooks(request: Inbound, values: Values) -> bool | None:
    """https://www.standardwebhooks.com"""
    if not (key := values.get("secret")):
        return None
    name, sent_at, given = (request.headers.get(f"Webhook-{part}", "") for part in ("Id", "Timestamp", "Signature"))
    signed = f"{name}.{sent_at}.".encode() + request.body
    right = hmac.digest(_base64(key.removeprefix("whsec_")), signed, "sha256")
    return _equals_any(given.split(" "), [f"v1,{base64.b64encode(right).decode()}"])


SCHEMES: dict[str, Callable[[Inbound, Values], bool | None]] = {
    "twilio": _twilio,
    "plivo": _plivo,
    "telnyx": _telnyx,
    "vonage": _vonage,
    "smsc": _smsc,
    "smsru": _smsru,
    "standard-webhooks": _standard_webhooks,
}


def numbered(form: Mapping[str, str], name: str) -> list[str]:
    """The values of the fields `name[0]`, `name[1]`, … in the order of their numbers."""
    found = [(int(place[1]), value) for field, value in form.items()
             if (place := re.fullmatch(rf"{re.escape(name)}\[(\d{{1,4}})\]", field, re.ASCII))]  # fmt: skip
    return [value for _, value in sorted(found)]


def _equals_any(given: Iterable[str], right: Iterable[str]) -> bool:
    """Whether one of the given signatures is right, in constant time."""
    right = list(right)
    return any(hmac.compare_digest(one.encode(errors="replace"), other.encode()) for one in given for other in right)


def _joined(form: Pairs) -> str:
    """Names and values, sorted by name, without separators."""
    return "".join(f"{name}{value}" for name, value in sorted(set(form)))


def _hmac64(key: str, signed: str, algorithm: str) -> str:
    return base64.b64encode(hmac.digest(key.encode(), signed.encode(errors="replace"), algorithm)).decode()


def _base64(text: str) -> bytes:
    """The bytes, or none if the text is no base64."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _with_and_without_port(url: str) -> list[str]:
    parts = urlsplit(url)
    host = parts.netloc.removesuffix(f":{parts.port}") if parts.port else parts.netloc
    port = parts.port or _PORTS.get(parts.scheme, 443)
    return [urlunsplit(parts._replace(netloc=netloc)) for netloc in (parts.netloc, host, f"{host}:{port}")]


def standard_webhook(values: Mapping[str, str], content: bytes) -> dict[str, str]:
    """The headers of a signed body (https://www.standardwebhooks.com)."""
    message_id, now = values.get("id", ""), datetime.now(UTC)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(values["secret"]).sign(message_id, now, content.decode()),
    }
