"""Change of phone: the request for a code, and its confirmation."""

from datetime import timedelta

from django.db.models import F

from tests.contract.scenarios.common import (
    ME,
    PHONE_OF_ALICE,
    Recorder,
    asked_of,
    refused_bodies,
    refused_tokens,
    row,
    sent,
    usual,
    wrong,
)
from tests.support.accounts import client
from tests.support.phone_changes import NEW


def me_phone(record: Recorder) -> None:
    request, body = f"POST {ME}/phone", {"phone": NEW}
    alice = record.person("alice", PHONE_OF_ALICE)
    usual(record, request, body, alice.token)
    refused_tokens(record, request, body, alice)
    refused_bodies(record, request, body, alice.token)
    record("phone: one's own", request, {"phone": alice.phone}, alice.token)
    record("phone: 1", request, {"phone": "1"}, alice.token)
    record("phone: of another country", request, {"phone": "+49 1512 3456789"}, alice.token)
    bob = record.person("bob", "9991110002")
    record("phone: of somebody else", request, {"phone": bob.phone}, alice.token)
    first = sent(client(), request, body, alice.token).json()
    record("again, with the challenge", request, {**body, "challenge_id": first["challenge_id"]}, alice.token)
    asked_of("9991230000")
    record("after a sign-up", request, {"phone": "9991230000"}, alice.token)
    row(alice).get().devices.update(signed_in_at=F("signed_in_at") - timedelta(minutes=11))
    record("not signed in lately", request, body, alice.token)
    row(bob).update(is_staff=True)
    record("operator", request, body, bob.token)


def me_phone_confirm(record: Recorder) -> None:
    request = f"POST {ME}/phone/confirm"
    alice, bob = record.person("alice", PHONE_OF_ALICE), record.person("bob", "9991110002")
    asked = sent(client(), f"POST {ME}/phone", {"phone": NEW}, alice.token).json()
    right = {"code": asked["code"], "challenge_id": asked["challenge_id"]}
    usual(record, request, right, alice.token)
    refused_tokens(record, request, right, alice)
    record("body: of another type", request, b"a=1", alice.token, content_type="text/plain")
    record("body: no field", request, b"{}", alice.token)
    record("code: a number", request, {**right, "code": 42}, alice.token)
    record("code: malformed", request, {**right, "code": "12x4"}, alice.token)
    record("code: wrong", request, {**right, "code": wrong(asked["code"])}, alice.token)
    record("challenge: unknown", request, {**right, "challenge_id": "unknown"}, alice.token)
    record("challenge: of somebody else", request, right, bob.token)
    of_sign_in = asked_of("9991230000")
    body = {"code": of_sign_in["code"], "challenge_id": of_sign_in["challenge_id"]}
    record("challenge: of a sign-in", request, body, alice.token)
    taken = sent(client(), f"POST {ME}/phone", {"phone": bob.phone}, alice.token).json()
    body = {"code": taken["code"], "challenge_id": taken["challenge_id"]}
    record("phone of somebody else", request, body, alice.token)
    row(alice).update(is_staff=True)
    record("operator", request, right, alice.token)
    row(alice).update(is_staff=False)
    sent(client(), request, right, alice.token)
    record("again", request, right, alice.token)
