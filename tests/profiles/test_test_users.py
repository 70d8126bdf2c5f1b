"""Test users see and activate only each other, count nowhere, and are no operators, whatever is tried."""

import csv
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client

from inviting_app.ops import checks_service, metrics
from profiles import activation, daily_counts, privacy, results, voting
from profiles.admin import home
from profiles.models import Activation, Profile
from profiles.webhooks.models import WebhookDelivery
from tests.support.accounts import SignedInUser, registered, signed_in
from tests.support.doctor import only
from tests.support.login_steps import answer, ask, draw_other_codes
from tests.support.operators import at_work, operator, page_of
from tests.support.races import race
from tests.support.webhooks import endpoint
from users import accounts
from users.login import signin
from users.models import User
from users.queries import database_now

PHONES = {"+79990000001": "4071", "+79990000002": "8265"}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def numbers(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.SMS_TEST_NUMBERS = PHONES
    draw_other_codes(monkeypatch, *PHONES.values())


@pytest.fixture
def reviewer() -> SignedInUser:
    return signed_in("9990000001")


@pytest.fixture
def second() -> SignedInUser:
    return signed_in("9990000002")


def test_test_users_activate_each_other(reviewer: SignedInUser, second: SignedInUser) -> None:
    assert reviewer.activate(second.code).json()["activated_invite"] == second.code
    assert second.me()["invitations"] == [reviewer.phone]
    assert second.activate(reviewer.code).status_code == 200


def test_codes_of_the_others_do_not_exist(reviewer: SignedInUser, alice: SignedInUser) -> None:
    for one, other in ((reviewer, alice), (alice, reviewer)):
        refused = one.activate(other.code)

        assert (refused.status_code, refused.json()["code"]) == (404, "invite_code_not_found")
    assert not Activation.objects.exists()


def test_staff_sees_no_test_user_in_the_api(reviewer: SignedInUser, staff: SignedInUser) -> None:
    found = staff.api.get("/api/v1/profiles").json()["results"]
    by_phone = staff.api.get("/api/v1/profiles", {"phone": reviewer.phone}).json()["results"]

    assert [one["phone"] for one in found] == [staff.phone]
    assert by_phone == []
    assert staff.api.get(f"/api/v1/profiles/{reviewer.profile.pk}").status_code == 404


VOTE = "INSERT INTO profiles_activation (invitee_id, inviter_id) VALUES (%s, %s)"


def refusal(statement: str, *values: Any) -> str:
    """The constraint by which the database refuses this."""
    with pytest.raises(IntegrityError) as refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)
    return str(refused.value.__cause__.diag.constraint_name)  # type: ignore[union-attr]


def test_database_refuses_mixed_votes(reviewer: SignedInUser, second: SignedInUser, alice: SignedInUser) -> None:
    test, other, ordinary = reviewer.profile.pk, second.profile.pk, alice.profile.pk
    reviewer.activate(second.code)

    assert refusal(VOTE, ordinary, test) == "profiles_activation_not_mixed"
    assert refusal(VOTE, other, ordinary) == "profiles_activation_not_mixed"
    moved = "UPDATE profiles_activation SET inviter_id = %s WHERE invitee_id = %s"
    assert refusal(moved, ordinary, test) == "profiles_activation_not_mixed"


def test_test_users_count_nowhere(reviewer: SignedInUser, second: SignedInUser, alice: SignedInUser) -> None:
    reviewer.activate(second.code)

    today = daily_counts.last(database_now())[-1]
    totals = [one["number"] for one in home._totals()]

    assert (today.sign_ups, today.activations, today.codes_used) == (1, 0, 1)
    assert totals == [1, 1, 0]


def test_no_webhook_tells_of_test_users(second: SignedInUser, alice: SignedInUser, bob: SignedInUser) -> None:
    endpoint("https://hooks.example.org/")
    reviewer = signed_in("9990000001")
    reviewer.activate(second.code)
    activation.release(reviewer.profile.pk)
    privacy.erase_by_operator(second.profile.pk)
    alice.activate(bob.code)

    assert list(WebhookDelivery.objects.values_list("kind", flat=True)) == ["activation.created"]


def test_test_votes_are_in_no_result(
    reviewer: SignedInUser, second: SignedInUser, alice: SignedInUser, bob: SignedInUser
) -> None:
    reviewer.activate(second.code)
    alice.activate(bob.code)
    voting.change(database_now(), None)
    assert voting.votes_outside(voting.period(), 9) == 1
    voting.change(None, database_now())

    results.publish()

    lines = "".join(results.file()[0]).splitlines()[2:]
    assert [line.split(",") for line in lines] == [[bob.code, alice.me()["receipt"]]]
    assert [one.invite_code for one in results.published()] == [bob.code]
    assert reviewer.me()["receipt"] is None


def test_metrics_count_no_test_user(settings: Any) -> None:
    settings.MIDDLEWARE = ["inviting_app.ops.metrics.requests", *settings.MIDDLEWARE]
    names = ("codes_asked", "codes_verified", "sign_ups", "activations")

    def counted() -> list[float]:
        return [metrics.registry.get_sample_value(f"inviting_app_{name}_total") or 0 for name in names]

    before = counted()
    first, other = signed_in("9990000001"), signed_in("9990000002")
    first.activate(other.code)
    assert counted() == before

    ordinary, another = signed_in("9991110001"), signed_in("9991110002")
    ordinary.activate(another.code)
    assert [now - then for now, then in zip(counted(), before, strict=True)] == [2, 2, 2, 1]


@pytest.mark.parametrize("phone", ["9990000001", "+7 999 000-00-02"])
def test_test_number_is_no_operators(monkeypatch: pytest.MonkeyPatch, reviewer: SignedInUser, phone: str) -> None:
    monkeypatch.setattr("sys.stdin", StringIO("long enough to be a password\n"))

    with pytest.raises(CommandError, match="SMS_TEST_NUMBERS has this number"):
        call_command("createsuperuser", phone)
    for user in (reviewer.profile.user, registered("9990000002").user):
        with pytest.raises(accounts.IsTestUser):
            accounts.set_role(user, is_staff=True)
    assert not User.objects.filter(is_staff=True).exists()


def test_admin_marks_test_users_and_makes_none_an_operator(reviewer: SignedInUser, second: SignedInUser) -> None:
    reviewer.activate(second.code)
    registered("9991110001")
    boss = at_work(operator(is_superuser=True))
    form = page_of(reviewer.profile.pk)

    assert boss.post(form, {"is_staff": "on"}).status_code == 403
    assert 'name="is_staff"' not in boss.get(form).text
    assert boss.get(page_of(reviewer.profile.pk, "password")).status_code == 403
    assert [user.pk for user in boss.get("/admin/users/user/?standing=test").context["cl"].result_list] == [
        second.profile.pk, reviewer.profile.pk,
    ]  # fmt: skip
    assert "A test user: no SMS is sent." in boss.get(page_of(reviewer.profile.pk, "diagnosis")).text
    for name in ("users/user", "profiles/profile"):
        assert sorted(exported(boss, name, "test user")) == ["false", "false", "true", "true"]
    assert exported(boss, "profiles/activation", "test users") == ["true"]


def exported(browser: Client, name: str, column: str) -> list[str]:
    answer = browser.post(f"/admin/{name}/export/", {"format": "csv"})
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return [row[column] for row in csv.DictReader(StringIO(text))]


def test_doctor_names_the_refused_numbers(settings: Any) -> None:
    assert list(checks_service.refused_test_numbers()) == []

    settings.SMS_TEST_NUMBERS = {}
    registered("9990000002")
    settings.SMS_TEST_NUMBERS = PHONES

    found = only(checks_service.refused_test_numbers())
    assert "+7***0002" in found.msg and "8265" not in found.msg + str(found.hint)


def test_reviewer_may_erase_themselves_and_come_back(reviewer: SignedInUser, second: SignedInUser) -> None:
    second.activate(reviewer.code)

    assert reviewer.api.delete("/api/v1/profiles/me").status_code == 204

    back = signed_in("9990000001")
    assert (back.me()["invitations_count"], back.profile.user.is_test) == (0, True)
    assert User.objects.get(phone=None).is_test, "the votes for them stay votes of test users"
    assert back.activate(second.code).status_code == 200


def test_removed_number_is_not_enabled_but_may_be_erased(settings: Any, reviewer: SignedInUser) -> None:
    settings.SMS_TEST_NUMBERS = {}
    user = reviewer.profile.user
    accounts.disable(user)
    boss = at_work(operator(is_superuser=True))

    actions = [action.name for _, action in boss.get(page_of(user.pk)).context["user_actions"]]
    assert "enable" not in actions and "erase" in actions
    assert "no longer has the number" in boss.get(page_of(user.pk, "diagnosis")).text
    privacy.erase_by_operator(user.pk)
    assert not signed_in("9990000001").profile.user.is_test


@pytest.mark.django_db(transaction=True)
def test_log_in_and_takeover_of_the_number_at_once(settings: Any) -> None:
    """Either the user of the SMS is first and stays, or a test user takes over the number."""
    for _ in range(5):
        settings.SMS_TEST_NUMBERS = {}
        asked = ask(now=database_now(), phone="+79990000001")
        typed = asked.code
        settings.SMS_TEST_NUMBERS = PHONES

        entered, taken = race(
            [
                lambda asked=asked, typed=typed: answer(asked, typed=typed, now=None),
                lambda: ask(now=None, phone="+79990000001", challenge_id=None),
            ]
        )

        user = User.objects.get(phone="+79990000001")
        assert not isinstance(taken, Exception)
        assert isinstance(entered, signin.InvalidCode) is user.is_test
        assert Profile.objects.filter(pk=user.pk).exists()
        User.objects.filter(pk=user.pk).delete()


@pytest.mark.django_db(transaction=True)
def test_parallel_sign_ups_make_one_test_user() -> None:
    race([lambda: ask(now=None, phone="+79990000001")] * 4)

    assert [user.is_test for user in User.objects.all()] == [True]
