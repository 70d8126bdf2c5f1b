"""Operators at work in the admin."""

import io
import sys
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from profiles.models import Activation, Profile
from tests.support.accounts import SignedInUser, signed_in
from tests.support.jobs import failed_jobs
from tests.support.operators import at_work
from tests.support.operators import operator as staff
from users.admin.forms import PasswordForm
from users.admin.jobs import TASKS
from users.models import User
from users.operators import history

pytestmark = pytest.mark.django_db

PASSWORD = "long enough to be a password"
LISTS = (
    "users/user", "users/device", "users/logincode", "users/smsdelivery", "users/smsgateway", "users/sitetotals",
    "profiles/profile", "profiles/activation", "procrastinate/procrastinatejob",
)  # fmt: skip


def make_operator(monkeypatch: Any, phone: str = "8 (999) 111-99-98", password: str = PASSWORD) -> str:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{password}\n"))
    out = io.StringIO()
    call_command("createsuperuser", phone, stdout=out)
    return out.getvalue()


@pytest.fixture
def operator(monkeypatch: Any) -> Client:
    make_operator(monkeypatch)
    browser = Client()
    answer = browser.post("/admin/login/", {"username": "+7 (999) 111-99-98", "password": PASSWORD})
    assert answer.status_code == 302
    return browser


def test_new_operator_has_a_profile_and_signs_in_to_the_api_by_code(monkeypatch: Any) -> None:
    make_operator(monkeypatch, "9991119998")

    person = signed_in("9991119998")

    assert person.me()["invite_code"] == Profile.objects.get().invite_code
    assert person.api.get("/api/v1/profiles").status_code == 200


def test_user_becomes_an_operator_and_keeps_profile_and_vote(
    monkeypatch: Any, alice: SignedInUser, bob: SignedInUser
) -> None:
    alice.activate(bob.code)
    code = alice.code

    make_operator(monkeypatch, alice.phone)

    entry = LogEntry.objects.get()
    said = "Made a superuser, with a new password, at the command line."
    assert (entry.user, entry.object_id, history.in_words(entry)) == (alice.profile.user, str(alice.profile.pk), said)
    assert alice.me()["invite_code"] == code
    assert alice.me()["activated_invite"] == bob.code
    assert User.objects.get(phone=f"+7{alice.phone}").is_superuser


@pytest.mark.parametrize(
    ("phone", "password", "why"),
    [
        ("", PASSWORD, "PHONE: this is not a mobile number. Write it in"),
        ("+14155552671", PASSWORD, r"PHONE: PHONE_REGIONS does not allow numbers of this country \(allowed: RU\)"),
        ("9991119998", "fourteen chars", "Password: "),
        ("9991119998", "", "Password: "),
    ],
)
def test_bad_phone_or_password_creates_no_operator(monkeypatch: Any, phone: str, password: str, why: str) -> None:
    with pytest.raises(CommandError, match=why):
        make_operator(monkeypatch, phone, password)

    assert not User.objects.exists()


def test_user_without_a_password_cannot_open_the_admin(alice: SignedInUser) -> None:
    User.objects.update(is_staff=True, is_superuser=True)

    answer = Client().post("/admin/login/", {"username": alice.phone, "password": "!"})

    assert answer.status_code == 200
    assert "sessionid" not in answer.cookies


@pytest.mark.parametrize("name", LISTS)
def test_list_opens_without_counting_the_table(
    operator: Client, alice: SignedInUser, bob: SignedInUser, name: str
) -> None:
    alice.activate(bob.code)

    with CaptureQueriesContext(
        connection,
    ) as queries:
        answer = operator.get(f"/admin/{name}/")

    assert answer.status_code == 200
    counts = [query["sql"] for query in queries if "COUNT(" in query["sql"] and "procrastinate" not in query["sql"]]
    assert all("LIMIT" in sql for sql in counts)


@pytest.mark.parametrize("spelling", ["9991110001", "+7 999 111-00-01", "8(999)1110001"])
@pytest.mark.parametrize("name", ["users/user", "users/device", "users/logincode", "users/smsdelivery"])
def test_users_are_found_by_any_spelling_of_their_phone(
    operator: Client, alice: SignedInUser, bob: SignedInUser, name: str, spelling: str
) -> None:
    found = operator.get(f"/admin/{name}/", {"q": spelling}).context["cl"].queryset

    assert found.count() == 1


def test_profiles_and_votes_are_found_by_phone_and_by_code(
    operator: Client, alice: SignedInUser, bob: SignedInUser
) -> None:
    alice.activate(bob.code)

    for text in (alice.phone, alice.code.lower()):
        profiles = operator.get("/admin/profiles/profile/", {"q": text}).context["cl"].queryset
        assert [profile.invite_code for profile in profiles] == [alice.code]
    for text in (alice.phone, bob.code):
        votes = operator.get("/admin/profiles/activation/", {"q": text}).context["cl"].queryset
        assert [vote.inviter.invite_code for vote in votes] == [bob.code]
    assert not operator.get("/admin/profiles/profile/", {"q": "nobody"}).context["cl"].queryset


@pytest.mark.parametrize(("chosen", "expected"), [("1", 1), ("0", 2)])
def test_profiles_are_filtered_by_having_activated(
    operator: Client, alice: SignedInUser, bob: SignedInUser, chosen: str, expected: int
) -> None:
    alice.activate(bob.code)

    found = operator.get("/admin/profiles/profile/", {"has_activated": chosen}).context["cl"].queryset

    assert found.count() == expected


def test_users_and_votes_cannot_be_added_or_deleted_by_hand(
    operator: Client, alice: SignedInUser, bob: SignedInUser
) -> None:
    alice.activate(bob.code)
    person, vote = alice.profile.pk, Activation.objects.get().pk

    for path in (f"users/user/{person}", f"profiles/profile/{person}", f"profiles/activation/{vote}"):
        assert operator.post(f"/admin/{path}/delete/", {"post": "yes"}).status_code == 403
    for path in ("users/user", "profiles/profile", "profiles/activation"):
        assert operator.get(f"/admin/{path}/add/").status_code == 403
    assert User.objects.filter(pk=person).exists()
    assert Activation.objects.exists()


def test_codes_and_votes_are_shown_and_cannot_be_changed(
    operator: Client, alice: SignedInUser, bob: SignedInUser
) -> None:
    alice.activate(bob.code)

    page = operator.get(f"/admin/profiles/profile/{alice.profile.pk}/change/")
    answer = operator.post(f"/admin/profiles/profile/{alice.profile.pk}/change/", {"invite_code": "ABCDEF"})

    assert alice.code in page.content.decode()
    assert answer.status_code == 403
    assert not Profile.objects.filter(invite_code="ABCDEF").exists()


def test_password_set_during_an_erasure_does_not_restore_the_user(operator: Client, alice: SignedInUser) -> None:
    user = alice.profile.user
    alice.api.delete("/api/v1/profiles/me")

    form = PasswordForm(user, {"password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"})
    assert form.is_valid(), form.errors
    form.save()

    erased = User.objects.get(pk=user.pk)
    assert (erased.phone, erased.is_active, erased.password) == (None, False, "!")


def test_user_logs_in_with_a_password_set_by_an_operator(operator: Client, alice: SignedInUser) -> None:
    person = alice.profile.pk
    operator.post(f"/admin/users/user/{person}/change/", {"is_staff": "on"})

    both = {"password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
    answer = operator.post(f"/admin/users/user/{person}/password/", both)

    assert answer.status_code == 302
    assert Client().post("/admin/login/", {"username": alice.phone, "password": PASSWORD}).status_code == 302


def test_erased_person_is_shown_and_cannot_be_changed(operator: Client, alice: SignedInUser) -> None:
    person = alice.profile.pk
    alice.api.delete("/api/v1/profiles/me")

    page = operator.get(f"/admin/users/user/{person}/change/")
    answer = operator.post(f"/admin/users/user/{person}/change/", {"is_staff": "on"})

    assert page.status_code == 200
    assert answer.status_code == 403
    assert not User.objects.get(pk=person).is_active


def test_every_task_has_a_name_for_operators() -> None:
    ours = {name.rpartition(".")[2] for name in app.tasks if "builtin" not in name}

    assert ours == set(TASKS)


def test_running_a_job_again_needs_the_permission_to_change_jobs(alice: SignedInUser) -> None:
    [job] = failed_jobs(1)
    chosen = {"action": "retry", "_selected_action": [job]}

    for permissions, status in (("view",), "failed"), (("view", "change"), "todo"):
        helper = at_work(staff(f"999111990{len(permissions)}", *(f"{one}_procrastinatejob" for one in permissions)))
        helper.post("/admin/procrastinate/procrastinatejob/", chosen)

        assert ProcrastinateJob.objects.get(pk=job).status == status


@pytest.mark.parametrize(
    ("path", "action"), [("auth/group", "delete_selected"), ("profiles/webhookendpoint", "new_secret")]
)
def test_action_on_an_id_that_no_row_can_have_shows_the_list(operator: Client, path: str, action: str) -> None:
    answer = operator.post(f"/admin/{path}/", {"action": action, "_selected_action": "x"}, follow=True)

    assert (answer.status_code, answer.request["PATH_INFO"]) == (200, f"/admin/{path}/")


def test_erased_users_and_rows_are_named_in_the_operators_language(operator: Client, alice: SignedInUser) -> None:
    User.objects.filter(phone=f"+7{alice.phone}").update(phone=None, erased_at=timezone.now(), is_active=False)

    page = operator.get("/admin/users/logincode/", headers={"accept-language": "ru"}).text

    assert "стёртый пользователь" in page and "erased user" not in page
