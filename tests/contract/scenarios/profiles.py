"""Profiles: the user's own, and those that staff look up."""

from datetime import UTC, datetime, timedelta

from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import F

from profiles import voting
from tests.contract.scenarios.common import (
    ME,
    PHONE_OF_ALICE,
    PROFILES,
    UNKNOWN_CODE,
    Recorder,
    as_forms,
    refused_bodies,
    refused_tokens,
    row,
    sent,
    usual,
)
from tests.support.accounts import SignedInUser, client, registered
from tests.support.many_users import crowd
from users.operators.entries import ENTRIES_AN_HOUR
from users.operators.phone_searches import PHONES_AN_HOUR


def me_read(record: Recorder) -> None:
    alice, bob = record.person("alice", PHONE_OF_ALICE), record.person("bob", "9991110002")
    usual(record, f"GET {ME}", None, alice.token)
    refused_tokens(record, f"GET {ME}", None, alice)
    record("success, as any JSON", f"GET {ME}", None, alice.token, HTTP_ACCEPT="application/*;q=0.1")
    record("success, of the scheme in lower case", f"GET {ME}", HTTP_AUTHORIZATION=f"bearer {alice.token}")
    bob.activate(alice.me()["invite_code"])
    alice.activate(bob.me()["invite_code"])
    record("success, after votes", f"GET {ME}", None, alice.token)
    record("success, after votes, as JSON", f"GET {ME}", None, alice.token, HTTP_ACCEPT="application/json")
    crowd(60, row(alice).get().profile)
    record("success, of somebody famous", f"GET {ME}", None, alice.token)


def me_activate(record: Recorder) -> None:
    request = f"POST {ME}"
    alice, bob = record.person("alice", PHONE_OF_ALICE), record.person("bob", "9991110002")
    code, own = alice.me()["invite_code"], bob.me()["invite_code"]
    body = {"activated_invite": code}
    usual(record, request, body, bob.token)
    as_forms(record, request, body, bob.token)
    refused_tokens(record, request, body, bob)
    refused_bodies(record, request, body, bob.token)
    record(
        "success, of a code as people type",
        request,
        {"activated_invite": f" {code[:3]}-{code[3:]} ".lower()},
        bob.token,
    )
    record("code: malformed", request, {"activated_invite": "ABC"}, bob.token)
    record("code: with letters that are in none", request, {"activated_invite": "ABC01O"}, bob.token)
    record("code: of nobody", request, {"activated_invite": UNKNOWN_CODE}, bob.token)
    record("code: one's own", request, {"activated_invite": own}, bob.token)
    hidden = record.person("carol", "9991110003")
    theirs = {"activated_invite": hidden.me()["invite_code"]}
    row(hidden).update(is_active=False)
    record("code: of somebody disabled", request, theirs, bob.token)
    for _ in range(10):
        sent(client(), request, {"activated_invite": UNKNOWN_CODE}, bob.token)
    record("too many wrong codes", request, body, bob.token)
    other = record.person("dave", "9991110004")
    sent(client(), request, body, other.token)
    record("again", request, body, other.token)
    record("again, another", request, {"activated_invite": own}, other.token)
    record("again, of nobody", request, {"activated_invite": UNKNOWN_CODE}, other.token)
    voting.change(None, datetime(2026, 1, 1, tzinfo=UTC))
    record("after voting has closed", request, body, record.person("erin", "9991110005").token)


def me_erase(record: Recorder) -> None:
    alice, bob = record.person("alice", PHONE_OF_ALICE), record.person("bob", "9991110002")
    request = f"DELETE {ME}"
    usual(record, request, None, alice.token)
    refused_tokens(record, request, None, alice)
    bob.activate(alice.me()["invite_code"])
    record("success, of somebody who voted", request, None, bob.token)
    row(bob).get().devices.update(signed_in_at=F("signed_in_at") - timedelta(minutes=11))
    record("not signed in lately", request, None, bob.token)
    sent(client(), request, None, alice.token)
    record("again", request, None, alice.token)


def me_invitations(record: Recorder) -> None:
    path = f"{ME}/invitations"
    alice, bob = record.person("alice", PHONE_OF_ALICE), record.person("bob", "9991110002")
    usual(record, f"GET {path}", None, alice.token)
    refused_tokens(record, f"GET {path}", None, alice)
    bob.activate(alice.me()["invite_code"])
    record("one", f"GET {path}", None, alice.token)
    crowd(60, row(alice).get().profile)
    list_pages(record, alice, path)


def list_pages(record: Recorder, person: SignedInUser, path: str) -> None:
    """A list of more than one page, forwards and backwards, and wrong cursors."""
    record("many", f"GET {path}", None, person.token)
    first = person.api.get(path).json()
    following = first["next"].removeprefix("http://testserver")
    record("many, next", f"GET {following}", None, person.token)
    back = person.api.get(following).json()["previous"].removeprefix("http://testserver")
    record("many, back", f"GET {back}", None, person.token)
    for cursor in ("x", "W10", "é", "WyJ4IiwgZmFsc2UsIDEsIDJd"):
        record(f"cursor: {cursor}", f"GET {path}?cursor={cursor}", None, person.token)
    record("cursor: blank", f"GET {path}?cursor=", None, person.token)
    record("parameters that are none", f"GET {path}?unknown=1&page=2", None, person.token)


def me_export(record: Recorder) -> None:
    path = f"{ME}/export"
    alice, bob = record.person("alice", PHONE_OF_ALICE), record.person("bob", "9991110002")
    usual(record, f"GET {path}", None, alice.token)
    refused_tokens(record, f"GET {path}", None, alice)
    bob.activate(alice.me()["invite_code"])
    alice.activate(bob.me()["invite_code"])
    sent(client(), f"POST {ME}", {"activated_invite": UNKNOWN_CODE}, bob.token)
    record("after votes", f"GET {path}", None, alice.token)


def staff(record: Recorder) -> tuple[SignedInUser, SignedInUser, SignedInUser]:
    """An operator who may see phones, one who may not, and a user who is not an operator."""
    whole, masked = record.person("operator", "9991119999"), record.person("helper", "9991119998")
    row(whole).update(is_staff=True, is_superuser=True)
    row(masked).update(is_staff=True)
    return whole, masked, record.person("alice", PHONE_OF_ALICE)


def profiles_list(record: Recorder) -> None:
    operator, helper, alice = staff(record)
    usual(record, f"GET {PROFILES}", None, operator.token)
    refused_tokens(record, f"GET {PROFILES}", None, operator)
    record("no operator", f"GET {PROFILES}", None, alice.token)
    record("no operator, of HEAD", f"HEAD {PROFILES}", None, alice.token)
    record("operator who may not see phones", f"GET {PROFILES}", None, helper.token)
    operator.activate(alice.me()["invite_code"])
    code = alice.me()["invite_code"]
    for query in (
        f"phone={alice.phone}", f"phone=%2B7{alice.phone}", "phone=9991239999", "phone=1", "phone=", "phone=%00",
        "phone=%2B4915123456789", f"phone={'9' * 41}", "invite_code=", "invite_code=abc", f"invite_code={UNKNOWN_CODE}",
        "has_activated=true", "has_activated=false", "has_activated=", "has_activated=x",
        "created_after=2020-01-01T00:00:00Z", "created_before=2020-01-01T00:00:00Z", "created_after=x",
        "created_before=", "created_after=2020-01-01", "ordering=x", "ordering=", "ordering=created_at",
        "ordering=-created_at", "ordering=invitations_count", "ordering=-invitations_count", "phone=1&ordering=x",
    ):  # fmt: skip
        record(f"?{query}", f"GET {PROFILES}?{query}", None, operator.token)
    record("?invite_code of alice", f"GET {PROFILES}?invite_code={code.lower()}", None, operator.token)
    for number in range(PHONES_AN_HOUR):
        sent(client(), f"GET {PROFILES}?phone=999222{number:04}", None, helper.token)
    record("too many phones of who may not see them", f"GET {PROFILES}?phone={alice.phone}", None, helper.token)
    crowd(60)
    list_pages(record, operator, PROFILES)
    pages_by_count = f"{PROFILES}?ordering=-invitations_count"
    following = operator.api.get(pages_by_count).json()["next"].removeprefix("http://testserver")
    record("many by count, next", f"GET {following}", None, operator.token)


def profiles_read(record: Recorder) -> None:
    operator, helper, alice = staff(record)
    path = f"{PROFILES}/{row(alice).get().pk}"
    usual(record, f"GET {path}", None, operator.token)
    refused_tokens(record, f"GET {path}", None, operator)
    record("no operator", f"GET {path}", None, alice.token)
    record("operator who may not see phones", f"GET {path}", None, helper.token)
    alice.activate(operator.me()["invite_code"])
    record("after a vote", f"GET {path}", None, operator.token)
    for number in ("0", "9" * 18, "9" * 30, "-1", "x"):
        record(f"id: {number}", f"GET {PROFILES}/{number}", None, operator.token)
    unverified = registered("9991237777", verified_at=None)
    record("somebody unverified", f"GET {PROFILES}/{unverified.pk}", None, operator.token)
    row(alice).update(is_active=False)
    record("somebody disabled", f"GET {path}", None, operator.token)
    user = row(operator).get()
    LogEntry.objects.bulk_create(LogEntry(user=user, action_flag=CHANGE) for _ in range(ENTRIES_AN_HOUR))
    record("too many entries in the history", f"GET {PROFILES}/{user.pk}", None, operator.token)
