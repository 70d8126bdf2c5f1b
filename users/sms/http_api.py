"""The engine for all HTTP APIs of providers: it makes the request of a table, sends it and reads the answer."""

import asyncio
import base64
import json
import math
import time
import zlib
from collections.abc import Mapping
from concurrent.futures import Future
from functools import cache
from threading import Lock
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx

from users import lookups
from users.sms import cookies, fields, quoted, signatures
from users.sms.answers import MAX_CODE, MAX_REFERENCE, Answer, Cause, Reason, Response, TooLate
from users.sms.causes import cause_of
from users.sms.providers import Call, Provider, first_rule

# Seconds that one try may take in all: name lookup, connection and a slow answer. And those for the connection.
SECONDS, CONNECT_SECONDS = 8.0, 3.0
# Longer answers are not read: those of SMS providers have a few hundred bytes. A longer Content-Type is not either:
# httpx reads it in quadratic time, so one of 90 KB takes eight seconds.
MAX_ANSWER, MAX_CONTENT_TYPE = 65_536, 200

# Reasons by HTTP status, where no rule of the provider's table applies. Others from 300 to 499 are REJECTED, because
# redirects are not followed. What is left is an unknown outcome: a 500 may come after the SMS was queued, and a 502 or
# 504 from a proxy that does not know what happened behind it.
_BY_STATUS = {
    401: Reason.CREDENTIALS,
    402: Reason.CREDIT,
    403: Reason.CREDENTIALS,
    408: Reason.UNREADABLE,
    429: Reason.LIMIT,
    503: Reason.FAULT,
}

# What comes of a call: the response and its body, as it was sent.
Exchanged = tuple[httpx.Response, bytes]


class UnknownOutcome(Exception):
    """The request may have reached the provider, but no answer came."""


class Unusable(Exception):
    """No request can be made of these values. The text is the name of the error: its own text may quote a secret."""


def exchange(provider: Provider, call: Call, values: Mapping[str, str]) -> tuple[Answer, Response | None]:
    """Make this call with these values. Returns what the provider said, and its response, or None if none came.

    Returns after SECONDS at the latest. Any thread may call it.
    """
    return finish(provider, call, values, begin(provider, call, values))


def begin(provider: Provider, call: Call, values: Mapping[str, str], latest: float = math.inf) -> Future[Exchanged]:
    """Begin this call, for `finish`, but not after `latest`, a time of `time.monotonic`. Any thread may do so."""
    try:
        request = build(provider, call, values)
        with _starting:
            loop = _loop()
    except Exception as error:  # wrong values, or a wrong proxy in the environment
        failed: Future[Exchanged] = Future()
        failed.set_exception(Unusable(type(error).__name__))
        return failed
    return asyncio.run_coroutine_threadsafe(_ask(request, latest), loop)


def finish(
    provider: Provider, call: Call, values: Mapping[str, str], exchanged: Future[Exchanged]
) -> tuple[Answer, Response | None]:
    """What came of this call, as of `exchange`. Raises TooLate if it was not begun in time."""
    try:
        response = _read(provider, call, *exchanged.result())
    except Unusable as error:
        return Answer(Reason.REJECTED, code=str(error)), None
    except httpx.ProxyError:
        return Answer(Reason.NO_CONNECTION, code=Cause.PROXY), None
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol) as error:
        return Answer(Reason.NO_CONNECTION, code=cause_of(error) or ""), None
    except httpx.LocalProtocolError:  # a header with a line break, for example: nothing was sent
        return Answer(Reason.REJECTED, code="LocalProtocolError"), None
    except (httpx.HTTPError, TimeoutError, UnknownOutcome):
        return Answer(Reason.NO_ANSWER), None
    return judge(provider, call, response, values), response


def build(provider: Provider, call: Call, values: Mapping[str, str]) -> httpx.Request:
    """The request of a table, filled with these values. Raises ValueError or httpx.InvalidURL."""
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
        headers |= signatures.standard_webhook(values, content)
    url = _url(call.url, values)
    if query:
        url += f"{'&' if '?' in url else '?'}{query}"
    return _client().build_request(call.method, url, content=content, headers=headers)


def judge(provider: Provider, call: Call, response: Response, values: Mapping[str, str]) -> Answer:
    """What this response to the call with these values means."""
    seen = _seen(response)
    found = next(iter(fields.look_up(response.fields, call.reference)), "") if call.reference else ""
    # PostgreSQL cannot store some characters. An error after the SMS was taken would send it again.
    reference = "".join(filter(str.isprintable, found))[:MAX_REFERENCE]
    if rule := first_rule([*call.refused, *provider.refused], seen, values):
        return Answer(rule.reason, code=_code(seen, rule.when, values))
    # Every value: an SMS of two parts is not accepted if the provider refuses one of them.
    if fields.apply(seen, call.accepted, values, every=True) and (reference or not call.reference):
        return Answer(reference=reference)
    status = response.status
    reason = _BY_STATUS.get(status, Reason.REJECTED if 300 <= status < 500 else Reason.UNREADABLE)
    return Answer(reason, code=f"HTTP {status}")


async def _ask(request: httpx.Request, latest: float) -> Exchanged:
    """The response and its body. Raises httpx.HTTPError, TimeoutError, UnknownOutcome or TooLate."""
    if time.monotonic() > latest:
        raise TooLate
    body = b""
    async with asyncio.timeout(SECONDS):
        response = await _client().send(request, stream=True)
        try:
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_ANSWER:
                    raise UnknownOutcome
        finally:
            await response.aclose()
    return response, body


def _read(provider: Provider, call: Call, response: httpx.Response, body: bytes) -> Response:
    """What was answered. In the thread of the caller: it must not hold up other requests. Raises UnknownOutcome."""
    body = _decompressed(body, response.headers.get("Content-Encoding", "identity"))
    kind = response.headers.get("Content-Type", "")
    charset = (len(kind) <= MAX_CONTENT_TYPE and response.charset_encoding) or provider.charset
    text = fields.decode(body, charset)
    return Response(response.status_code, text, _parsed(body, text, call.pattern, charset))


def _decompressed(body: bytes, encoding: str) -> bytes:
    """The body without its compression, which was not asked for. A small one must not fill the memory.

    What is no compression, such as `utf-8` or `none`, is the mistake of a server whose answer can be read.
    """
    if encoding.lower() not in ("gzip", "x-gzip", "deflate"):
        return body
    decompressor = zlib.decompressobj(wbits=32 + zlib.MAX_WBITS)  # of either format
    try:
        found = decompressor.decompress(body, MAX_ANSWER)
    except zlib.error:
        raise UnknownOutcome from None
    if not decompressor.eof:
        raise UnknownOutcome
    return found


def _parsed(body: bytes, text: str, pattern: str, charset: str) -> Any:
    """The fields of the body: of its JSON, or the named groups of the pattern. None if it has neither."""
    if pattern:
        return fields.matched(pattern, text) or None
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
    own = {"path": path, "host": base}
    url = fields.PLACEHOLDER.sub(
        lambda found: own[found[1]] if found[1] in own else quote(values.get(found[1], ""), safe=""), template
    )
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
    if len(found) > MAX_CODE or sum(map(str.isdigit, found)) > 6 or quoted.is_in(found, values):
        return ""
    return f"HTTP {found}" if path == "http_status" else found


# Several threads may send their first SMS at once.
_starting = Lock()


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """The event loop of all requests of this process, in a thread of its own.

    Its timeouts end a request wherever it is, and close its connection. A timeout of httpx ends one read, so a server
    that sends a byte now and then would keep a thread and a connection for ever.
    """
    _client()  # raises an error of the environment here
    return lookups.start("http")


@cache
def _client() -> httpx.AsyncClient:
    """One client for all gateways of this process.

    Each connection is closed after its answer. A second answer on it would be read as that to the next SMS. And a
    server may close it just when the next request is sent, so that nobody knows whether that SMS was sent.
    """
    headers = {"Accept-Encoding": "identity", "Connection": "close", "User-Agent": "inviting_app"}
    timeout = httpx.Timeout(SECONDS, connect=CONNECT_SECONDS)
    return httpx.AsyncClient(timeout=timeout, headers=headers, cookies=cookies.NoCookies())
