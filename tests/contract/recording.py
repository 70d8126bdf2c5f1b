"""Recordings of responses, logs and metrics, with placeholders for values that differ from run to run.

RECORD=1 in the environment writes them anew; what has changed is then for `git diff` to show.
"""

import base64
import json
import math
import os
import re
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("recorded")
RECORDS = os.environ.get("RECORD") == "1"
LONGEST_LIST = 3

EVERYWHERE = {
    "Content-Length": "<that of the body>",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Request-ID": "<request id>",
}
USUAL = EVERYWHERE | {
    "Cache-Control": "no-store",
    "Content-Language": "en",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
USUAL_OF_PAGES = EVERYWHERE | {
    "Content-Language": "en",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Content-Type": "text/html; charset=utf-8",
    "X-Frame-Options": "DENY",
}
"""Headers that are recorded where they are otherwise only; null is for one that is not there."""

Names = dict[str, str]
"""What stands for invite codes and ids of people, by these; ids of other things may be the same numbers."""


def as_recorded(name: str, found: Any) -> bool:
    """Whether this equals the recording. Prints each member that differs, as it was and as it is."""
    file = FOLDER / f"{name}.json"
    if RECORDS:
        file.write_text(json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    assert file.exists(), f"nothing is recorded: run with RECORD=1 to make {file}"
    recorded = json.loads(file.read_text())
    found = json.loads(json.dumps(found))
    members = sorted(recorded.keys() | found.keys())
    was = {member: recorded.get(member) for member in members if recorded.get(member) != found.get(member)}
    assert {member: found.get(member) for member in was} == was, (
        f"{file.name}: {', '.join(was)}. If that is wanted: RECORD=1 make test ARGS=tests/contract"
    )
    return True


def described(answer: Any, names: Names, *, whole: bool = True) -> dict[str, Any]:
    """Status, cookies and unusual headers of a response, and its body if requested."""
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    headers = {name: _header(name, value, content, names) for name, value in answer.items()}
    usual = USUAL if whole else USUAL_OF_PAGES
    unusual = {name: headers.get(name) for name in headers | usual if headers.get(name) != usual.get(name)}
    shown: dict[str, Any] = {"status": answer.status_code, "headers": unusual}
    if answer.cookies:
        shown["cookies"] = sorted(_cookie(morsel.OutputString()) for morsel in answer.cookies.values())
    if whole:
        is_text = answer.get("Content-Type", "").startswith("text/")
        body = content.decode() if is_text or not content else json.loads(content)
        shown["body"] = _value("", body, names, answer["X-Request-ID"])
    return shown


def _header(name: str, value: str, content: bytes, names: Names) -> str:
    if name == "X-Request-ID":
        return "<request id>" if re.fullmatch("[0-9a-f]{32}", value) else value
    if name == "Content-Length":
        return "<that of the body>" if value == str(len(content)) else "<another than that of the body>"
    if name == "Retry-After":
        return _seconds(int(value))
    if name == "ETag":
        return "<etag>"
    return _text(_without_dates(value), names)


def _cookie(text: str) -> str:
    return _without_dates(re.sub(r"^([\w-]+)=[\w-]+;", r"\1=<value>;", text))


def _without_dates(text: str) -> str:
    return re.sub(r"\w{3}, \d\d \w{3} 20\d\d [\d:]{8} GMT", "<date>", text)


def _value(name: str, value: Any, names: Names, request_id: str) -> Any:
    if isinstance(value, dict):
        return {inner: _value(inner, each, names, request_id) for inner, each in value.items()}
    if isinstance(value, list):
        shown = [_value(name, each, names, request_id) for each in value]
        return shown if len(shown) <= LONGEST_LIST else [shown[0], f"<{len(shown) - 2} more>", shown[-1]]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        if name in ("retry_after", "expires_in", "resend_in"):
            return _seconds(value)
        if name == "user_id":
            return names.get(str(value), "<id>")
        return "<id>" if name == "id" or name.endswith("_id") else value
    if not isinstance(value, str):
        return value
    if name in ("token", "refresh"):
        return _token(value)
    if name in ("device_token", "challenge_id", "receipt_nonce"):
        return f"<{len(value)} letters>"
    if name == "request_id" and value == request_id:
        return "<that of the header>"
    if name == "code" and value.isdigit():
        return f"<{len(value)} digits>"
    if name in ("next_cursor", "previous_cursor"):
        return _cursor(value, names)
    if name in ("invite_code", "activated_invite"):
        return names.get(value, "<invite code>")
    return _text(value, names)


def _seconds(value: int) -> str:
    """Seconds until a moment that passes while the tests run."""
    return f"<up to {math.ceil(value / 10) * 10}>"


def _token(text: str) -> str:
    header, claims = (json.loads(_decoded(part)) for part in text.split(".")[:2])
    return f"<{header} {claims['typ']} of {claims['iss']} for {claims['aud']}: {' '.join(sorted(claims))}>"


def _text(text: str, names: Names) -> str:
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?", "<time>", text)  # one in a million is of a whole second
    text = re.sub(r"(?<=/i/)[2-9A-Z]{6}\b", lambda code: names.get(code[0], "<invite code>"), text)
    return re.sub(r"(?<=cursor=)[\w-]+", lambda cursor: _cursor(cursor[0], names), text)


def _cursor(text: str, names: Names) -> str:
    order, backwards, edge, row = json.loads(_decoded(text))
    return f"<{order}, {backwards}, {_text(edge, {})}, {names.get(row, 'id')}>"


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
