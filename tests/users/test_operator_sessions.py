"""A session in the admin that was ended stays ended, whatever its operator may do later."""

from collections.abc import Callable

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client

from tests.support.operators import at_work, log_in, operator, page_of
from users import accounts
from users.models import User

pytestmark = pytest.mark.django_db
LIST = "/admin/users/user/"


def _take_the_role_and_give_it_back(user: User) -> None:
    accounts.set_role(user, is_staff=False)
    accounts.set_role(user, is_staff=True)


def _disable_and_enable(user: User) -> None:
    accounts.disable(user)
    accounts.enable(user)


@pytest.mark.parametrize("change", [_disable_and_enable, _take_the_role_and_give_it_back, accounts.revoke_devices])
def test_session_does_not_live_again(change: Callable[[User], object]) -> None:
    boss = at_work(operator(is_superuser=True))
    user = operator("9991119997", "view_user")
    log_in("9991119997", browser=(stolen := Client()))
    assert stolen.get(LIST).status_code == 200

    change(user)

    assert stolen.get(LIST).status_code == 302
    assert boss.get(LIST).status_code == 200
    log_in("9991119997", browser=(own := Client()))
    assert own.get(LIST).status_code == 200


def test_superuser_who_gives_up_the_role_is_logged_out() -> None:
    user = operator(is_superuser=True)
    browser = at_work(user)

    answer = browser.post(page_of(user.pk), {"is_superuser": "on"})

    assert answer.status_code == 302
    assert browser.get(LIST).status_code == 302
    assert not User.objects.get(pk=user.pk).is_staff


def test_operator_with_very_many_sessions_is_disabled() -> None:
    """Whoever has the password can have more than one statement takes. Then nothing but a new password ended them."""
    boss = at_work(operator(is_superuser=True))
    user = operator("9991119997", "view_user")
    log_in("9991119997", browser=(stolen := Client()))
    found = Session.objects.get(pk=stolen.session.session_key)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_session SELECT md5(number::text), %s, %s FROM generate_series(1, 66000) AS number",
            [found.session_data, found.expire_date],
        )

    boss.post(page_of(user.pk, "disable"), {"reason": "Left"})

    assert not User.objects.get(pk=user.pk).is_active
    assert Session.objects.count() == 1
