"""Signing up, logging in, refreshing and logging out."""

from tests.contract.scenarios.common import (
    DEVICES,
    LOGIN,
    LOGOUT,
    PHONE,
    PHONE_OF_ALICE,
    REFRESH,
    SIGNUP,
    Recorder,
    as_forms,
    asked_of,
    re_signed,
    refused_bodies,
    row,
    sent,
    usual,
    wrong,
)
from tests.support.accounts import client, signed_in


def signup(record: Recorder) -> None:
    request = f"POST {SIGNUP}"
    usual(record, request, {"phone": PHONE})
    as_forms(record, request, {"phone": PHONE})
    refused_bodies(record, request, {"phone": PHONE, "device_token": "x", "challenge_id": "y"})
    record("success, of a number", request, {"phone": int(PHONE)})
    record("success, with a token that is none", request, {"phone": PHONE}, "nonsense")
    record("another site asks", request, {"phone": PHONE}, HTTP_SEC_FETCH_SITE="cross-site")
    record("success, over TLS", request, {"phone": PHONE}, **{"wsgi.url_scheme": "https"})
    for phone in ("1", "text", "+7 495 123-45-67", "+79991234567890"):
        record(f"phone: {phone}", request, {"phone": phone})
    record("phone: of another country", request, {"phone": "+49 1512 3456789"})
    alice = record.person("alice", PHONE_OF_ALICE)
    record("somebody known", request, {"phone": alice.phone})
    record("somebody known, on a known device", request, {"phone": alice.phone, "device_token": alice.device_token})
    record("cookie of a known device", request, {"phone": alice.phone}, cookies={"device": alice.device_token})
    record("cookie of rubbish", request, {"phone": alice.phone}, cookies={"device": "é", "challenge": "!"})
    first = asked_of(PHONE)
    record("again", request, {"phone": PHONE})
    record("again, with the challenge", request, {"phone": PHONE, "challenge_id": first["challenge_id"]})
    record(
        "again, with the challenge's cookie", request, {"phone": PHONE}, cookies={"challenge": first["challenge_id"]}
    )
    row(alice).update(is_active=False)
    record("somebody disabled", request, {"phone": alice.phone})
    record.settings.DEMO, record.settings.SMS_GATEWAYS = False, ["webhook+http://127.0.0.1:9/"]
    record("success, by SMS", request, {"phone": "9991230000"})
    for number in range(10):
        asked_of(f"999123000{number}")
    record("too many of one address", request, {"phone": "9991230010"})
    record("known device at a busy address", request, {"phone": alice.phone, "device_token": alice.device_token})
    record("again at a busy address", request, {"phone": "9991230001"})


def login(record: Recorder) -> None:
    request = f"POST {LOGIN}"
    alice = record.person("alice", PHONE_OF_ALICE)
    asked = asked_of(PHONE)
    right = {"code": asked["code"], "challenge_id": asked["challenge_id"]}
    usual(record, request, right)
    as_forms(record, request, right)
    refused_bodies(record, request, {**right, "phone": PHONE})
    record("success, with the cookie", request, {"code": asked["code"]}, cookies={"challenge": asked["challenge_id"]})
    record("success, with the phone", request, {"code": asked["code"], "phone": PHONE})
    record("another site asks", request, right, HTTP_SEC_FETCH_SITE="cross-site")
    record("success, of a code with spaces", request, {**right, "code": " ".join(asked["code"])})
    record("success, of a client with a name", request, right, HTTP_USER_AGENT="Phone 1.0")
    again = asked_of(alice.phone, device_token=alice.device_token)
    record("success, on a known device", request, {"code": again["code"], "challenge_id": again["challenge_id"]})
    record("no challenge", request, {"code": "1234"})
    record("unknown challenge", request, {"code": "1234", "challenge_id": "unknown"})
    record("code: malformed", request, {**right, "code": "12x4"})
    record("code: malformed, and no challenge", request, {"code": "12"})
    record("code: of ten digits", request, {**right, "code": "1234567890"})
    record("phone: none", request, {"code": "1234", "phone": "1"})
    record("phone: of another country", request, {"code": "1234", "phone": "+49 1512 3456789"})
    record("phone: of nobody", request, {"code": "1234", "phone": "9991239999"})
    record("phone: from another address", request, {"code": asked["code"], "phone": PHONE}, REMOTE_ADDR="192.0.2.9")
    for left in (2, 1, 0, "none"):
        record(f"wrong code, attempts left: {left}", request, {**right, "code": wrong(asked["code"])})
        sent(client(), request, {**right, "code": wrong(asked["code"])})
    record("right code after too many attempts", request, right)
    used, another = asked_of("9991230001"), asked_of("9991230001")
    body = {"code": used["code"], "challenge_id": used["challenge_id"]}
    sent(client(), request, body)
    record("success, repeated", request, body)
    record("used code", request, {**body, "challenge_id": another["challenge_id"]})
    disabled = asked_of(alice.phone)
    row(alice).update(is_active=False)
    record("disabled", request, {"code": disabled["code"], "challenge_id": disabled["challenge_id"]})


def tokens_for(record: Recorder, path: str) -> None:
    """The scenarios that refresh and log-out share."""
    request = f"POST {path}"
    alice, ended, disabled = record.person("alice", PHONE_OF_ALICE), signed_in("9991118801"), signed_in("9991118802")
    body = {"refresh": alice.refresh}
    usual(record, request, body)
    as_forms(record, request, body)
    refused_bodies(record, request, body)
    record("success, with a token that is none", request, body, "nonsense")
    record("token that is none", request, {"refresh": "nonsense"})
    record("access token", request, {"refresh": alice.token})
    record("expired token", request, {"refresh": re_signed(alice.refresh, exp=1_700_000_000)})
    ended.api.delete(DEVICES)
    record("token of an ended session", request, {"refresh": ended.refresh})
    row(disabled).update(is_active=False)
    record("token of a disabled person", request, {"refresh": disabled.refresh})
    following = sent(client(), f"POST {REFRESH}", body).json()
    record("token before the last", request, body)
    sent(client(), f"POST {REFRESH}", {"refresh": following["refresh"]})
    record("token used long ago", request, body)


def refresh(record: Recorder) -> None:
    tokens_for(record, REFRESH)


def logout(record: Recorder) -> None:
    tokens_for(record, LOGOUT)
