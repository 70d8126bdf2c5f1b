"""The engine for all HTTP APIs of providers: it makes the request of a table, sends it and reads the answer."""

import base64
import hmac
import json
import time
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx

from users.sms import fields
from users.sms.answers import MAX_REFERENCE, Answer, Reason, Response
from users.sms.providers import Call, Provider, first_rule

# Seconds for a connection, and for each read. The caller bounds the whole try.
CONNECT_SECONDS, READ_SECONDS = 3.0, 8.0

# Longer answers are not read: those of SMS providers have a few hundred bytes.
MAX_ANSWER = 65_536

# Reasons by HTTP status, where no rule of the provider's table applies. Others from 300 to 499 are REJECTED, because
# redirects are not followed. What is left is an unknown outcome: a 502 or 504 comes from a proxy that does not know
# what happened behind it.
_BY_STATUS = {
    401: Reason.CREDENTIALS,
    402: Reason.CREDIT,
    403: Reason.CREDENTIALS,
    408: Reason.UNREADABLE,
    429: Reason.LIMIT,
    500: Reason.FAULT,
    503: Reason.FAULT,
}


class UnknownOutcome(Exception):
    """The request may have reached the provider, but no answer came."""


def exchange(provider: Provider, call: Call, values: Mapping[str, str]) -> tuple[Answer, Response | None]:
    """Make this call with these values. Returns what the provider said, and its response, or None if none came."""
    try:
        request = build(provider, call, values)
    except (UnicodeEncodeError, httpx.InvalidURL):  # their texts quote the message or the URL
        return Answer(Reason.REJECTED), None
    try:
        response = _ask(request, provider, call)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.ProxyError):
        return Answer(Reason.NO_CONNECTION), None
    except (httpx.HTTPError, UnknownOutcome):
        return Answer(Reason.NO_ANSWER), None
    return judge(provider, call, response, values), response


def build(provider: Provider, call: Call, values: Mapping[str, str]) -> httpx.Request:
    """The request of a table, filled with these values. Raises UnicodeEncodeError or httpx.InvalidURL."""
    query = urlencode(_texts(fields.fill(call.query, values)), encoding=provider.charset)
    headers = {name: str(value) for name, value in (fields.fill(call.headers, values) or {}).items()}
    content = b""
    if call.form is not None:
        content = urlencode(_texts(fields.fill(call.form, values)), encoding=provider.charset).encode("ascii")
        headers.setdefault("Content-Type", f"application/x-www-form-urlencoded; charset={provider.charset}")
    elif call.json is not None:
        content = json.dumps(fields.fill(call.json, values), ensure_ascii=False).encode()
        headers.setdefault("Content-Type", "application/json; charset=utf-8")
    if call.auth == "basic" and values.get("user"):
        pair = f"{values.get('user', '')}:{values.get('password', '')}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    elif call.auth == "bearer":
        headers["Authorization"] = f"Bearer {values.get('password') or values.get('user', '')}"
    if call.sign and values.get("secret"):
        headers |= _standard_webhook(values, content)
    url = _url(call.url, values)
    return _client().build_request(call.method, f"{url}?{query}" if query else url, content=content, headers=headers)


def judge(provider: Provider, call: Call, response: Response, values: Mapping[str, str]) -> Answer:
    """What this response to the call with these values means."""
    seen = _seen(response)
    found = next(iter(fields.look_up(response.fields, call.reference)), "") if call.reference else ""
    # PostgreSQL cannot store some characters. An error after the SMS was taken would send it again.
    reference = "".join(filter(str.isprintable, found))[:MAX_REFERENCE]
    if rule := first_rule([*call.refused, *provider.refused], seen, values):
        return Answer(rule.reason, code=_code(seen, rule.when, values))
    if fields.apply(seen, call.accepted, values) and (reference or not call.reference):
        return Answer(reference=reference)
    status = response.status
    reason = _BY_STATUS.get(status, Reason.REJECTED if 300 <= status < 500 else Reason.UNREADABLE)
    return Answer(reason, code=f"HTTP {status}")


def _ask(request: httpx.Request, provider: Provider, call: Call) -> Response:
    """Raises httpx.HTTPError or UnknownOutcome."""
    ends = time.monotonic() + READ_SECONDS
    response = _client().send(request, stream=True)
    body = b""
    try:
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > MAX_ANSWER or time.monotonic() > ends:
                raise UnknownOutcome
    finally:
        response.close()
    charset = response.charset_encoding or provider.charset
    return Response(response.status_code, body, _parsed(body, call.pattern, charset))


def _parsed(body: bytes, pattern: str, charset: str) -> Any:
    """The fields of the body: of its JSON, or the named groups of the pattern. None if it has neither."""
    if pattern:
        return fields.matched(pattern, fields.decode(body, charset)) or None
    try:
        return fields.read_json(body, charset)
    except (ValueError, RecursionError):
        return None


def _texts(table: Any) -> list[tuple[str, str]]:
    """The fields of a form or query: a list repeats its name."""
    return [
        (name, fields.as_text(each))
        for name, value in (table or {}).items()
        for each in (value if isinstance(value, list) else [value])
    ]


def _url(template: str, values: Mapping[str, str]) -> str:
    """The URL of a call. A host in the gateway's URL, with its scheme, replaces the provider's own."""
    base, path = values.get("base", ""), values.get("path", "")
    quoted = {name: quote(value, safe="") for name, value in values.items()} | {"path": path, "host": base}
    url = fields.PLACEHOLDER.sub(lambda found: quoted.get(found[1], ""), template)
    if base and not template.startswith("{host}"):
        parts = urlsplit(url)
        return f"{base}{parts.path}{f'?{parts.query}' if parts.query else ''}"
    return url


def _seen(response: Response) -> dict[str, Any]:
    """The fields of a response, with its status. A list keeps its places: `0.status`."""
    found = response.fields
    if isinstance(found, list):
        found = {str(place): each for place, each in enumerate(found)}
    return {**(found if isinstance(found, dict) else {}), "http_status": response.status}


def _code(seen: Mapping[str, Any], conditions: Mapping[str, Any], values: Mapping[str, str]) -> str:
    """The provider's code for an error: the value that the first condition found, unless it quotes the request."""
    path = next(iter(conditions))
    found = (fields.look_up(seen, path) or [""])[0]
    # A shorter value is a part of many words.
    if any(len(value) > 3 and value in found for value in values.values()):
        return ""
    return f"HTTP {found}" if path == "http_status" else found


def _standard_webhook(values: Mapping[str, str], content: bytes) -> dict[str, str]:
    """The headers of a signed body (https://www.standardwebhooks.com).

    The project's own library for Python would bring five packages for this one HMAC.
    """
    sent_at, secret = str(int(time.time())), values["secret"].removeprefix("whsec_")
    signed = f"{values.get('id', '')}.{sent_at}.".encode() + content
    signature = base64.b64encode(hmac.digest(base64.b64decode(secret), signed, "sha256")).decode()
    return {
        "webhook-id": values.get("id", ""),
        "webhook-timestamp": sent_at,
        "webhook-signature": f"v1,{signature}",
    }


@cache
def _client() -> httpx.Client:
    """One client for all gateways of this process: connections stay open between two SMS. It is safe in threads."""
    timeout = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=20)
    headers = {"Accept-Encoding": "identity", "User-Agent": "inviting_app"}
    return httpx.Client(timeout=timeout, limits=limits, headers=headers, follow_redirects=False)
