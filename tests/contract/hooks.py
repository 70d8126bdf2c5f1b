"""What Schemathesis cannot know: spellings of phones, real codes and tokens, and users that may be erased."""

import base64
import itertools
import json
import os
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

import httpx
import schemathesis
from hypothesis import strategies as st

SITE = os.environ["SITE_URL"]
OPERATOR = os.environ["OPERATOR_TOKEN"]
INVITE_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
ENDS_THE_SESSION = {"devices_end", "devices_end_all", "me_erase"}
FOR_STAFF = {"profiles_list", "profiles_read"}

_phones = itertools.count(9990000000)
_turns: "defaultdict[str, itertools.count[int]]" = defaultdict(itertools.count)
_service = httpx.Client(base_url=SITE)


def spelled(digits: str, spelling: str) -> str:
    return spelling.format(digits[:3], digits[3:6], digits[6:8], digits[8:])


def cursor(moment: datetime, backwards: bool, row: int) -> str:
    text = json.dumps(["-created_at", backwards, moment.isoformat(), str(row)])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


schemathesis.openapi.format(
    "phone",
    st.builds(
        spelled,
        st.integers(9100000000, 9199999999).map(str),
        st.sampled_from(["{}{}{}{}", "+7 {} {}-{}-{}", "8 ({}) {} {} {}", "7{}{}{}{}"]),
    ),
)
schemathesis.openapi.format("invite-code", st.text(INVITE_LETTERS + INVITE_LETTERS.lower(), min_size=6, max_size=6))
schemathesis.openapi.format(
    "cursor",
    st.builds(
        cursor,
        st.integers(1767225600, 1893456000).map(lambda second: datetime.fromtimestamp(second, UTC)),
        st.booleans(),
        st.integers(1, 10**6),
    ),
)


def asked() -> dict[str, str]:
    """A new user's challenge and its code."""
    answer = _service.post("/api/auth/signup", json={"phone": str(next(_phones))}).json()
    _service.cookies.clear()
    return {"challenge_id": answer["challenge_id"], "code": answer["code"]}


def signed_in() -> dict[str, Any]:
    """A new user for one request, which may erase them."""
    answer: dict[str, Any] = _service.post("/api/auth/login", json=asked()).json()
    return answer


def own(person: dict[str, Any], path: str) -> Any:
    return _service.get(path, headers={"Authorization": f"Bearer {person['token']}"}).json()


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict[str, Any]) -> None:
    """Send requests that end a session as a new user, and put real values into other well-formed requests."""
    name = case.operation.definition.raw["operationId"]
    often = next(_turns[name]) % 4 < 3
    person = None
    if case.auth_identity and name in ENDS_THE_SESSION | {"me_activate"}:
        person = signed_in()
    elif case.auth_identity and name in FOR_STAFF and often:
        person = {"token": OPERATOR}
    if person:
        case.headers["Authorization"] = f"Bearer {person['token']}"
    if often and case.meta and case.meta.generation.mode.is_positive:
        make_real(name, case, person)


def make_real(name: str, case: schemathesis.Case, person: dict[str, Any] | None) -> None:
    if name == "login":
        case.body = asked()
    elif name in ("refresh", "logout"):
        case.body = {"refresh": signed_in()["refresh"]}
    elif name == "me_activate":
        case.body = {"activated_invite": own(signed_in(), "/api/v1/profiles/me")["invite_code"]}
    elif name == "devices_end" and person:
        case.path_parameters["device_id"] = own(person, "/api/v1/devices")[0]["id"]
    elif name == "profiles_read" and person:
        case.path_parameters["user_id"] = own(person, "/api/v1/profiles/me")["user_id"]
