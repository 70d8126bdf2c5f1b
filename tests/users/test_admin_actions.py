"""Actions of operators on one user: each needs a reason and is logged."""

import logging
import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from profiles import activation, invite_codes, privacy
from tests.support.accounts import SignedInUser, signed_in
from tests.support.admin_actions import ALL, NOTHING_TO_DO, act, offered
from tests.support.operators import logged, page_of
from users import accounts
from users.models import Device, User

pytestmark = pytest.mark.django_db


def test_disabled_user_is_refused_at_once_and_signs_in_again_once_enabled(support: Client, alice: SignedInUser) -> None:
    told = act(support, "disable", alice.profile)

    assert told == ["Disabled the user."]
    assert alice.api.get("/api/v1/profiles/me").json()["code"] == "token_revoked"
    assert not Device.objects.filter(user=alice.profile.user, ended_at=None).exists()

    act(support, "enable", alice.profile)

    assert alice.api.get("/api/v1/profiles/me").status_code == 401
    assert signed_in(alice.phone).me()["phone"] == alice.phone
    assert logged() == [f"{done} Reason: Asked for it in ticket 12." for done in (*told, "Enabled the user.")]
    assert "Asked for it in ticket 12." in support.get(page_of(alice.profile.pk, "history")).content.decode()


def test_all_devices_end_session_and_trust(support: Client, alice: SignedInUser) -> None:
    act(support, "end-devices", alice.profile)

    assert alice.api.get("/api/v1/profiles/me").json()["code"] == "token_revoked"
    assert not Device.objects.filter(trust_hash__isnull=False).exists()
    assert logged() == ["Ended all sessions. Reason: Asked for it in ticket 12."]


def test_user_votes_again_after_the_vote_was_deleted(
    support: Client, alice: SignedInUser, bob: SignedInUser, charlie: SignedInUser
) -> None:
    alice.activate(bob.code)

    told = act(support, "release-vote", alice.profile)

    assert told == [f"Released the vote for {bob.profile.user}."]
    assert alice.me()["activated_invite"] is None
    assert bob.me()["invitations_count"] == 0
    assert alice.activate(charlie.code).status_code == 200
    assert logged() == [f"Released the vote for user {bob.profile.pk}. Reason: Asked for it in ticket 12."]
    assert told[0] in support.get(page_of(alice.profile.pk, "history")).text


def test_old_invite_code_stops_working_and_its_votes_stay(
    support: Client, alice: SignedInUser, bob: SignedInUser, charlie: SignedInUser
) -> None:
    old = bob.code
    alice.activate(old)

    told = act(support, "new-code", bob.profile)

    assert told == [f"Replaced the invite code {old}."]
    assert charlie.activate(old).json()["code"] == "invite_code_not_found"
    assert alice.me()["activated_invite"] == bob.code != old
    assert charlie.activate(bob.code).status_code == 200
    assert bob.me()["invitations_count"] == 2


def test_form_that_is_sent_twice_replaces_the_code_once(support: Client, bob: SignedInUser) -> None:
    old = bob.code

    form = support.get(page_of(bob.profile.pk, "new-code")).content.decode()
    told = [act(support, "new-code", bob.profile, reason="Leaked.", about=old) for _ in range(2)]

    assert f'name="about" value="{old}"' in form
    assert told[0] == [f"Replaced the invite code {old}."]
    assert told[1] == [NOTHING_TO_DO]


def test_form_that_is_sent_twice_releases_no_later_vote(
    support: Client, alice: SignedInUser, bob: SignedInUser
) -> None:
    alice.activate(bob.code)
    form = support.get(page_of(alice.profile.pk, "release-vote")).text
    about = re.findall('name="about" value="([^"]+)"', form)[0]

    told = []
    for _ in range(2):
        told.append(act(support, "release-vote", alice.profile, reason="Mistyped.", about=about))
        alice.activate(bob.code)

    assert told == [[f"Released the vote for {bob.profile.user}."], [NOTHING_TO_DO]]
    assert alice.me()["activated_invite"] == bob.code


def test_new_invite_code_is_drawn_until_it_is_free(monkeypatch: Any, alice: SignedInUser, bob: SignedInUser) -> None:
    drawn = iter([bob.code, alice.code, "ZZZZZZ"])
    monkeypatch.setattr(invite_codes, "generate", lambda: next(drawn))

    activation.replace_invite_code(alice.profile.pk)

    assert (alice.code, bob.code == alice.code) == ("ZZZZZZ", False)


def test_erasure_leaves_a_line_in_the_log_and_no_phone(
    boss: Client,
    alice: SignedInUser,
    bob: SignedInUser,
    caplog: pytest.LogCaptureFixture,
    django_capture_on_commit_callbacks: Any,
) -> None:
    profile = alice.profile
    alice.activate(bob.code)
    act(boss, "disable", profile)
    caplog.set_level(logging.INFO, "profiles.privacy")

    with django_capture_on_commit_callbacks(execute=True):
        told = act(boss, "erase", profile)

    gone = User.objects.get(pk=profile.pk)
    assert told == ["Erased the user."]
    assert gone.phone is None and gone.erased_at
    assert bob.me()["invitations_count"] == 0
    assert [*privacy.erasure_log()] == [f"erased person {gone.pk} at {gone.erased_at.isoformat()}"]
    assert [*privacy.erasure_log()] == [one.getMessage() for one in caplog.records if one.name == "profiles.privacy"]
    assert {entry.object_repr for entry in LogEntry.objects.all()} == {f"erased user, ID {gone.pk}"}
    assert "Erased the user. Reason: " in boss.get(page_of(profile.pk, "history")).content.decode()
    assert offered(boss, profile) == []


@pytest.mark.parametrize(
    "reason", ["", " \n ", "called from +7 999 111-00-01", "his 8 (999) 111 00 01", "\0", "x" * 501]
)
def test_nothing_is_done_without_a_reason_or_with_a_phone_in_it(boss: Client, alice: SignedInUser, reason: str) -> None:
    answer = boss.post(page_of(alice.profile.pk, "disable"), {"reason": reason})

    assert answer.status_code == 200
    assert answer.context["form"].errors["reason"]
    assert alice.me()["phone"] == alice.phone
    assert not LogEntry.objects.exists()


def test_erasure_needs_a_confirmation(boss: Client, alice: SignedInUser) -> None:
    answer = boss.post(page_of(alice.profile.pk, "erase"), {"reason": "Spam."})

    assert answer.context["form"].errors["sure"]
    assert alice.me()["phone"] == alice.phone


def test_page_of_an_action_says_what_will_happen_and_does_nothing(boss: Client, alice: SignedInUser) -> None:
    for action, said in (("disable", "signed out everywhere"), ("new-code", "every link with it stop working")):
        page = boss.get(page_of(alice.profile.pk, action)).content.decode()
        assert said in page
        assert "+7***0001" in page

    assert alice.me()["phone"] == alice.phone
    assert not LogEntry.objects.exists()


def test_form_of_a_user_cannot_disable_them(boss: Client, alice: SignedInUser) -> None:
    assert boss.post(page_of(alice.profile.pk), {}).status_code == 302

    assert User.objects.get(pk=alice.profile.pk).is_active


def test_only_applicable_actions_are_offered(boss: Client, alice: SignedInUser, bob: SignedInUser) -> None:
    assert offered(boss, alice.profile) == ["disable", "end-devices", "new-code", "erase"]

    alice.activate(bob.code)
    accounts.disable(alice.profile.user)

    assert offered(boss, alice.profile) == ["enable", "release-vote", "new-code", "erase"]


@pytest.mark.parametrize("action", ALL)
def test_action_that_no_longer_applies_is_reported_and_not_logged(
    boss: Client, alice: SignedInUser, action: str
) -> None:
    profile = alice.profile
    alice.api.delete("/api/v1/profiles/me")

    assert act(boss, action, profile) == [NOTHING_TO_DO]
    assert boss.get(page_of(profile.pk, action))["Location"] == page_of(profile.pk)
    assert not LogEntry.objects.exists()


def test_domain_reports_that_there_is_nothing_to_do(alice: SignedInUser) -> None:
    user = alice.profile.user

    assert [accounts.disable(user), accounts.disable(user)] == [True, False]
    assert [accounts.enable(user), accounts.enable(user)] == [True, False]
    assert not accounts.revoke_devices(user)
    assert activation.release(user.pk) is None
    assert [privacy.erase_by_operator(user.pk), privacy.erase_by_operator(user.pk)] == [True, False]
    assert not accounts.enable(user)
    assert activation.replace_invite_code(user.pk) is None
