"""A disabled user is told from others on every page: why, since when and by whom, and with a mark in lists."""

import pytest
from django.test import Client

from tests.support.accounts import SignedInUser
from tests.support.operators import at_work, operator, page_of
from users.models import SmsDelivery, User
from users.queries import database_now

pytestmark = pytest.mark.django_db
MARK = '<span class="mark bad">disabled</span>'


@pytest.fixture
def boss(db: None) -> Client:
    return at_work(operator(is_superuser=True))


def test_page_says_since_when_by_whom_and_why(boss: Client, alice: SignedInUser) -> None:
    for reason in ("Ticket 11.", "Ticket 12."):
        boss.post(page_of(alice.profile.pk, "disable"), {"reason": reason})
        boss.post(page_of(alice.profile.pk, "enable"), {"reason": "A mistake."})
    assert "Disabled since" not in boss.get(page_of(alice.profile.pk)).text
    boss.post(page_of(alice.profile.pk, "disable"), {"reason": "Ticket 13."})

    page = boss.get(page_of(alice.profile.pk)).text

    banner = page.partition("Disabled since ")[2].partition("</li>")[0]
    assert "by operator +7***9998." in banner and "Reason: Ticket 13." in banner
    russian = boss.get(page_of(alice.profile.pk), headers={"accept-language": "ru"}).text
    assert "Причина: Ticket 13." in russian


def test_page_of_a_user_whom_no_operator_disabled_says_so_too(boss: Client, alice: SignedInUser) -> None:
    User.objects.filter(pk=alice.profile.pk).update(is_active=False)

    assert '<li class="error">The user is disabled.' in boss.get(page_of(alice.profile.pk)).text


@pytest.mark.parametrize("path", ["users/device", "users/logincode", "users/smsdelivery", "profiles/profile"])
def test_lists_mark_a_disabled_user(boss: Client, alice: SignedInUser, path: str) -> None:
    assert MARK not in boss.get(f"/admin/{path}/").text

    User.objects.filter(pk=alice.profile.pk).update(is_active=False)

    assert MARK in boss.get(f"/admin/{path}/").text


def test_votes_mark_a_disabled_user(boss: Client, alice: SignedInUser, bob: SignedInUser) -> None:
    alice.activate(bob.code)
    User.objects.filter(pk=alice.profile.pk).update(is_active=False)

    for path in ("/admin/profiles/activation/", page_of(bob.profile.pk)):
        assert MARK in boss.get(path).text, path


def test_erased_user_is_no_disabled_one(boss: Client, alice: SignedInUser) -> None:
    user = alice.profile.pk
    SmsDelivery.objects.update(address="")
    User.objects.filter(pk=user).update(is_active=False, erased_at=database_now(), phone=None)

    listed, page = boss.get("/admin/users/smsdelivery/").text, boss.get(page_of(user)).text

    assert MARK not in listed and f"erased user, ID {user}" in listed
    assert "Erased at" in page and "Why did the code not arrive?" not in page and "is_superuser" not in page
