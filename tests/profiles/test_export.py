"""The export contains all data held on a user, except what is left out for a reason."""

import json
import tracemalloc
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model

from tests.support.accounts import SignedInUser, client, signed_in
from tests.support.many_users import crowd, nobodys_code
from tests.support.webhooks import endpoint
from users.models import User
from users.operators import logins

pytestmark = pytest.mark.django_db
EXPORT = "/api/v1/profiles/me/export"

# The place of each table's rows in the export.
SECTIONS = {
    "users.User": "person",
    "users.Device": "devices",
    "users.LoginCode": "login_codes",
    "users.Challenge": "challenges",
    "users.SmsDelivery": "sms",
    "profiles.Profile": "profile",
    "profiles.Activation": "activation",
    "profiles.FailedActivation": "wrong_invite_codes",
    "profiles.WebhookDelivery": "webhooks",
    "users.OperatorLogin": "operator_logins",
    "admin.LogEntry": "changes_by_operators",
}

RENAMED = {
    "users.LoginCode.length": "digits",
    "users.SmsDelivery.client_address": "asked_from",
    "users.Challenge.login_code": "login_code_id",
    "users.LoginCode.device": "device_id",
    "users.SmsDelivery.login_code": "login_code_id",
    "profiles.Activation.inviter": "activated_invite",
    "profiles.Activation.created_at": "activated_at",
    "profiles.Activation.nonce": "receipt_nonce",
}

WEBHOOK_TRIES = ("message_id", "attempts", "next_try_at", "status", "error")
LEFT_OUT = {
    "users.User.password": "a secret",
    "users.User.erased_at": "empty in whoever can ask",
    "users.User.erased_phone_hash": "empty in whoever can ask",
    "users.Device.user": "the person",
    "users.Device.session_id": "a secret",
    "users.Device.refresh_jti": "a secret",
    "users.Device.previous_jti": "a secret",
    "users.Device.unused_jti": "a secret",
    "users.Device.superseded_jtis": "a secret",
    "users.Device.trust_nonce": "a secret",
    "users.Device.trust_hash": "a secret",
    "users.LoginCode.user": "the person",
    "users.LoginCode.nonce": "a secret",
    "users.LoginCode.changing_user": "the person, or somebody else",
    "users.Challenge.id": "internal",
    "users.Challenge.attempts_by_phone": "a part of the attempts",
    "users.Challenge.session_id": "a secret",
    "users.Challenge.public_id": "a secret while its code lives",
    "users.SmsDelivery.id": "internal",
    "users.SmsDelivery.next_try_at": "internal",
    "users.SmsDelivery.notice_phone": "the person's before, until the SMS is sent",
    "users.SmsDelivery.failed_rounds": "internal",
    "users.SmsDelivery.request_id": "internal, as in the log",
    "profiles.Profile.user": "the person",
    "profiles.Activation.invitee": "the person",
    "profiles.FailedActivation.id": "internal",
    "profiles.FailedActivation.user": "the person",
    "profiles.WebhookDelivery.id": "internal",
    "profiles.WebhookDelivery.endpoint": "a secret: whoever knows a URL may send to it",
    "profiles.WebhookDelivery.user": "the person",
    **dict.fromkeys((f"profiles.WebhookDelivery.{name}" for name in WEBHOOK_TRIES), "internal"),
    "users.OperatorLogin.id": "internal",
    "users.OperatorLogin.user": "the person",
    "users.OperatorLogin.network": "a part of the address",
    "users.OperatorLogin.is_known": "internal",
    "admin.LogEntry.id": "internal",
    "admin.LogEntry.user": "the operator, somebody else",
    "admin.LogEntry.content_type": "a person: only what was done to them",
    "admin.LogEntry.object_id": "the person",
    "admin.LogEntry.object_repr": "the person",
}

# Tables whose rows are a list in the export.
MEMBERSHIPS = {"users.User_groups": "groups", "users.User_user_permissions": "permissions"}

# Tables without data on users. Totals of a network name nobody. A session of the admin has an operator's id in a form
# that only the service reads.
ABOUT_NOBODY = {
    "auth.Group", "auth.Group_permissions", "auth.Permission", "contenttypes.ContentType", "sessions.Session",
    "users.SmsGateway", "users.SiteTotals", "users.NetworkTotals", "profiles.DailyStats",
    "profiles.VotingPeriod", "profiles.Result", "profiles.WebhookEndpoint",
    "profiles.Receipt",  # nobody can tell whose one is without the nonce, which the vote has
}  # fmt: skip

# Tables about what operators did to others.
ABOUT_OTHERS = {"users.PhoneSearch"}

# Tables of hashes of secrets, each for a day at most.
SECRETS = {"users.EnrolmentToken"}

# Packages whose tables hold no data on users that the service could name.
OTHERS = {
    "procrastinate": "jobs hold references of receipts and no more",
    "axes": "strangers at the log-in of operators, under a keyed hash of what they typed",
    "otp_totp": "the secret of an operator's authenticator",
    "otp_static": "hashes of an operator's recovery codes",
}


def held_on(person: SignedInUser) -> dict[str, Any]:
    response = person.api.get(EXPORT)
    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    return json.loads(response.getvalue())


def points_to_a_person(model: type[Model], seen: frozenset[type[Model]] = frozenset()) -> bool:
    targets = {field.related_model for field in model._meta.fields if field.is_relation} - seen - {model}
    return User in targets or any(points_to_a_person(target, seen | {model}) for target in targets)


def one_of(section: Any) -> dict[str, Any]:
    return section if isinstance(section, dict) else section[0]


@pytest.fixture
def well_known(alice: SignedInUser, bob: SignedInUser) -> SignedInUser:
    """Alice, who has a row in every table."""
    endpoint("https://receiver.example.org/")
    alice.activate(nobodys_code())
    alice.activate(bob.code)
    user = alice.profile.user
    user.groups.add(Group.objects.create(name="helpers"))
    user.user_permissions.add(Permission.objects.get(codename="view_user"))
    logins.record(user, logins.Outcome.OK, logins.Client("192.0.2.1", "192.0.2.1", "Browser/1.0"))
    LogEntry.objects.create(
        user=bob.profile.user,
        content_type=ContentType.objects.get_for_model(User),
        object_id=str(user.pk),
        object_repr=str(user),
        action_flag=CHANGE,
        change_message="disabled",
    )
    return alice


def test_every_table_is_exported_or_has_no_personal_data() -> None:
    models = [model for model in apps.get_models(include_auto_created=True) if model._meta.app_label not in OTHERS]

    of_people = {model._meta.label for model in models if model is User or points_to_a_person(model)}

    assert of_people == SECTIONS.keys() | MEMBERSHIPS.keys() | ABOUT_OTHERS | SECRETS
    assert {model._meta.label for model in models} - of_people == ABOUT_NOBODY


def test_every_column_is_exported_or_left_out_for_a_reason(well_known: SignedInUser) -> None:
    held = held_on(well_known)

    for label, section in SECTIONS.items():
        names = {f"{label}.{field.name}" for field in apps.get_model(label)._meta.concrete_fields}
        exported = {name for name in names if RENAMED.get(name, name.rpartition(".")[2]) in one_of(held[section])}
        assert names - exported == {name for name in LEFT_OUT if name.startswith(f"{label}.")}
    assert all(held["person"][name] for name in MEMBERSHIPS.values())


def test_export_contains_all_data_on_the_user(well_known: SignedInUser, bob: SignedInUser) -> None:
    held = held_on(well_known)

    assert held["person"]["phone"] == "+79991110001"
    assert held["person"]["groups"] == ["helpers"]
    assert held["profile"]["invite_code"] == well_known.code
    assert held["activation"]["activated_invite"] == bob.code
    assert len(held["devices"]) == len(held["login_codes"]) == len(held["sms"]) == 1
    assert held["login_codes"][0]["created_at"].endswith("Z")
    assert held["challenges"][0]["address"] == "127.0.0.1"
    assert len(held["wrong_invite_codes"]) == 1
    assert held["changes_by_operators"][0]["change_message"] == "disabled"


def test_export_contains_the_same_invitees_as_the_pages(
    alice: SignedInUser, bob: SignedInUser, charlie: SignedInUser
) -> None:
    for person in (bob, charlie):
        person.activate(alice.code)
    User.objects.filter(phone=f"+7{charlie.phone}").update(is_active=False)

    held = held_on(alice)

    page = alice.api.get("/api/v1/profiles/me/invitations").json()["results"]
    assert held["invitations"] == [{"phone": f"+7{bob.phone}", "activated_at": page[0]["activated_at"]}]


def test_export_contains_no_secret_and_no_code_of_others(well_known: SignedInUser, charlie: SignedInUser) -> None:
    charlie.activate(well_known.code)

    text = well_known.api.get(EXPORT).getvalue().decode().replace("receipt_nonce", "")

    assert charlie.code not in text
    assert not any(secret in text for secret in ("nonce", "hash", "jti", "password", "session_id", "public_id"))
    assert well_known.device_token not in text and well_known.refresh not in text


def test_export_contains_an_operators_actions_without_the_affected_users(
    well_known: SignedInUser, bob: SignedInUser
) -> None:
    deeds = held_on(bob)["deeds_as_operator"]

    assert [(deed["action_flag"], deed["content_type__model"]) for deed in deeds] == [(CHANGE, "user")]
    # The microseconds of a time may be these digits.
    assert "0001" not in json.dumps([deed | {"action_time": ""} for deed in deeds])


def test_export_of_a_new_user_has_no_vote(alice: SignedInUser) -> None:
    held = held_on(alice)

    assert held["activation"] is None
    assert held["invitations"] == held["wrong_invite_codes"] == []


@pytest.mark.long
def test_export_of_a_popular_inviter_is_complete_and_streamed(alice: SignedInUser) -> None:
    phones = crowd(9999, alice.profile)

    tracemalloc.start()
    size = listed = 0
    for chunk in alice.api.get(EXPORT).streaming_content:
        size += len(chunk)
        listed += chunk.count(b'"phone":"+7999300')
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert listed == len(phones)
    assert peak < 2 * size  # a list of the rows alone takes 6 times as much


def test_exports_of_two_users_differ(alice: SignedInUser) -> None:
    signed_in("9991110002")

    assert held_on(alice)["person"]["id"] == alice.profile.pk
    assert client().get(EXPORT).status_code == 401
