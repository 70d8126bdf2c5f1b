"""Errors of the admin are shown in its frame, and a log-in leads to a page that there is."""

import pytest
from django.test import Client

from tests.support.accounts import SignedInUser
from tests.support.operators import helper, log_in, operator

pytestmark = pytest.mark.django_db
BACK = 'href="/admin/">Back to the overview</a>'


def is_framed(page: str) -> bool:
    return BACK in page and 'id="site-name"' in page and 'id="logout-form"' in page and 'id="nav-sidebar"' in page


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("no-such-page/", 404, "Page not found"),
        ("r/1/1/", 404, "Page not found"),
        ("users/user/999999/disable/", 404, "Page not found"),
        ("auth/group/", 403, "You do not have the permission"),
        ("users/user/?nonce__startswith=a", 400, "The request is not valid"),
    ],
)
def test_error_is_shown_in_the_frame(path: str, status: int, said: str) -> None:
    answer = helper("view_user", "change_user").get(f"/admin/{path}")

    assert answer.status_code == status
    assert is_framed(answer.text) and said in answer.text


def test_error_is_translated() -> None:
    page = helper().get("/admin/no-such-page/", headers={"accept-language": "ru"}).text

    assert "Страница не найдена" in page and "К обзору" in page


def test_form_without_a_token_is_refused_in_the_frame() -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(operator())

    answer = browser.post("/admin/password_change/", {})

    assert answer.status_code == 403
    assert is_framed(answer.text) and "The form is out of date" in answer.text
    stranger = Client(enforce_csrf_checks=True).post("/admin/login/", {})
    assert stranger.status_code == 403 and BACK in stranger.text and "nav-sidebar" not in stranger.text


def test_error_elsewhere_has_no_frame_of_the_admin(alice: SignedInUser) -> None:
    page = helper().get("/no-such-page").text

    assert "Page not found" in page and "site-name" not in page


@pytest.mark.parametrize("address", ["/nowhere", "/admin/no-such-page/", "nowhere", "http://[", "/admin/x?y=/admin/"])
def test_log_in_forgets_where_no_page_is(address: str) -> None:
    answer = Client().get("/admin/login/", {"next": address})

    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/login/")


def test_log_in_never_leads_to_another_site() -> None:
    operator()

    answer = log_in(query="?next=https://evil.example/admin/")

    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/")


def test_log_in_leads_to_the_page_that_was_asked_for() -> None:
    operator("9991119998", "view_user")
    path = "/admin/users/user/?q=12"
    asked = Client().get(path)
    assert Client().get(asked.headers["Location"]).status_code == 200

    assert log_in(query=asked.headers["Location"].partition("login/")[2]).headers["Location"] == path


@pytest.mark.parametrize(
    "address", ["/admin/?" + 1900 * "&=", "/admin/" + 1900 * ";", "/admin/users/user/?q=" + 3000 * "1"]
)
def test_log_in_forgets_a_long_address(address: str) -> None:
    answer = Client().get(address)

    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/login/")
