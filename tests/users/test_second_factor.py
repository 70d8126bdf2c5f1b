"""The second factor of operators: logging in with it, and getting past it."""

from collections.abc import Callable
from typing import Any

import pytest
from django_otp.plugins.otp_static.models import StaticToken

from tests.support.accounts import client, signed_in
from tests.support.authenticator import (
    CODE_PAGE,
    code,
    enrolled,
    enter,
    is_inside,
    later,
    with_password,
    wrong_code,
)
from tests.support.operators import logged, operator

pytestmark = pytest.mark.django_db


def test_code_is_asked_for_after_the_password() -> None:
    enrolled(is_superuser=True)
    browser = with_password()

    step = browser.get("/admin/users/user/", follow=True)
    assert step.redirect_chain[-1][0] == f"{CODE_PAGE}?next=/admin/users/user/"
    answer = enter(browser, code(), next=step.context["next"])

    assert answer["Location"] == "/admin/users/user/"
    assert is_inside(browser)


def full_width(digits: str) -> str:
    return digits.translate(str.maketrans("0123456789", "０１２３４５６７８９"))


@pytest.mark.parametrize("spell", [" {} ".format, lambda shown: f"{shown[:3]} {shown[3:]}", full_width])
def test_code_is_read_as_people_type_it(spell: Callable[[str], str]) -> None:
    enrolled()

    enter(browser := with_password(), spell(code()))

    assert is_inside(browser)


@pytest.mark.parametrize("text", ["", "0", "12345", "1234567", "abc", "\0", "-1", "1e5", "½", "9" * 5000, "٤"])
def test_odd_codes_are_refused_without_an_error(text: str) -> None:
    enrolled()

    assert enter(browser := with_password(), text).status_code == 200
    assert not is_inside(browser)


def test_code_works_once() -> None:
    enrolled()
    shown = code()
    enter(with_password(), shown)

    answer = enter(second := with_password(), shown)

    assert "wrong or was used" in answer.content.decode()
    assert not is_inside(second)
    enter(second, code(1))
    assert is_inside(second)


def test_code_of_one_step_before_and_after_is_accepted_and_no_other() -> None:
    user, _ = enrolled()

    for steps, expected in ((-3, False), (3, False), (-1, True), (1, True)):
        browser = with_password()
        # At the end of a step, the code before it is too old in a moment: then the next one shows the same.
        results = []
        for _attempt in range(2):
            later(user)
            enter(browser, code(steps))
            results.append(is_inside(browser))
        assert any(results) == expected, steps


def test_drift_does_not_grow() -> None:
    user, _ = enrolled()
    for _number in range(3):
        later(user)
        enter(with_password(), code(1))

    later(user)
    enter(browser := with_password(), code(3))

    assert not is_inside(browser)


def test_recovery_code_works_once_in_any_spelling() -> None:
    _, codes = enrolled()

    answer = enter(first := with_password(), codes[0].upper().replace("-", " "))
    assert answer.status_code == 302
    assert "You used a recovery code. Codes left: 9." in first.get("/admin/").content.decode()
    assert logged() == ["Used a recovery code."]
    enter(second := with_password(), codes[0])
    assert not is_inside(second)
    enter(second, codes[1])
    assert is_inside(second)


def test_database_has_no_recovery_code() -> None:
    _, codes = enrolled()

    stored = {token.token for token in StaticToken.objects.all()}

    assert len(stored) == 10
    assert not stored & {one.replace("-", "") for one in codes}
    enter(browser := with_password(), stored.pop())
    assert not is_inside(browser)


def test_who_gave_the_password_can_leave() -> None:
    enrolled()
    browser = with_password()

    assert browser.post("/admin/second-factor/leave/")["Location"] == "/admin/login/"
    assert "_auth_user_id" not in browser.session
    assert 'id="id_username"' in browser.get("/admin/login/").content.decode()


@pytest.mark.parametrize("setting", ["optional", "required"])
def test_sign_in_to_the_api_needs_no_code_and_opens_no_operations_of_staff_where_one_is_required(
    settings: Any, setting: str
) -> None:
    settings.ADMIN_SECOND_FACTOR = setting
    enrolled(is_superuser=True)
    other = signed_in("9991110001")

    person = signed_in("9991119998")

    paths = ("/api/v1/profiles", "/api/v1/profiles/", f"/api/v1/profiles/{other.profile.pk}")
    answers = [person.api.get(path) for path in paths]
    expected = (403, "permission_denied") if setting == "required" else (200, None)
    assert [(answer.status_code, answer.json().get("code")) for answer in answers] == [expected] * 3
    assert other.api.get(paths[0]).status_code == 403
    assert client().get(paths[0]).status_code == 401
    assert person.me()["phone"] == "9991119998"
    assert person.api.get("/api/v1/profiles/me/invitations").status_code == 200


def test_operator_without_a_factor_logs_in_with_the_password() -> None:
    operator()

    assert is_inside(with_password())


def test_wrong_code_is_told_in_the_operators_language() -> None:
    enrolled()
    browser = with_password()

    answer = browser.post(CODE_PAGE, {"code": wrong_code()}, headers={"accept-language": "ru"})

    assert "Код неверный" in answer.content.decode()
