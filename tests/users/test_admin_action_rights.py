"""Who may act on whom in the admin, and failures of an action or its log entry."""

import re
from collections.abc import Iterator

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client

from profiles.models import Activation, Profile
from tests.support.accounts import SignedInUser, registered
from tests.support.admin_actions import ALL, WHY, act, offered
from tests.support.operators import at_work, operator, page_of
from users.models import User

pytestmark = pytest.mark.django_db


def test_nobody_acts_on_themselves(boss: Client) -> None:
    own = Profile.objects.get(user__is_superuser=True)

    assert offered(boss, own) == []
    assert boss.post(page_of(own.pk, "erase"), {**WHY, "sure": "on"}).status_code == 403


def test_actions_need_the_right_to_change_and_erasing_a_superuser(
    support: Client, alice: SignedInUser, bob: SignedInUser
) -> None:
    alice.activate(bob.code)
    onlooker = at_work(operator("9991119996", "view_user"))

    assert offered(onlooker, alice.profile) == []
    assert offered(support, alice.profile) == ["disable", "end-devices", "release-vote", "new-code"]
    for action in ALL:
        assert onlooker.post(page_of(alice.profile.pk, action), WHY).status_code == 403
    assert support.post(page_of(alice.profile.pk, "erase"), WHY).status_code == 403
    assert Activation.objects.exists()
    assert alice.me()["phone"] == alice.phone


def test_only_superusers_act_on_operators(boss: Client, support: Client) -> None:
    colleague = registered("9991119995", is_staff=True)

    assert offered(support, colleague) == []
    for action in ALL:
        assert support.post(page_of(colleague.pk, action), WHY).status_code == 403
    assert act(boss, "disable", colleague) == ["Disabled the user."]


def test_page_needs_a_log_in(boss: Client) -> None:
    assert boss.post("/admin/users/user/999999999/disable/", WHY).status_code == 404
    assert Client().post("/admin/users/user/1/disable/", WHY).status_code == 302
    assert not LogEntry.objects.exists()


def test_pages_of_actions_show_no_phone(boss: Client, alice: SignedInUser) -> None:
    for action in ALL:
        page = boss.get(page_of(alice.profile.pk, action), follow=True).content.decode()
        assert not re.findall(r"999\D?111\D?\d\d\D?\d\d", page), action


@pytest.fixture
def impatient(transactional_db: None) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '20ms'")
        yield
        cursor.execute("RESET lock_timeout")


@pytest.mark.parametrize(
    "held", ["SELECT FROM users_user FOR NO KEY UPDATE", "LOCK TABLE django_admin_log IN EXCLUSIVE MODE"]
)
def test_action_fails_without_the_lock_or_the_log_entry(impatient: None, held: str) -> None:
    boss, alice = at_work(operator(is_superuser=True)), registered("9991110001")
    busy = connection.copy()
    busy.set_autocommit(False)
    with busy.cursor() as cursor:
        cursor.execute(held)

    told = act(boss, "disable", alice)

    busy.close()
    assert told == ["Nothing was done: the user's data is in use at this moment. Try again."]
    assert User.objects.get(pk=alice.pk).is_active
    assert not LogEntry.objects.exists()


def test_page_that_one_may_not_open_leads_back_to_the_admin(db: None) -> None:
    page = at_work(operator("9991119997", "view_device")).get("/admin/users/user/")

    assert page.status_code == 403
    assert "You do not have the permission" in page.content.decode()
    assert 'href="/admin/"' in page.content.decode()
