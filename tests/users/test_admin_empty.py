"""What the admin says where there is nothing yet."""

import pytest
from django.test import Client

from profiles.models import Profile
from tests.support.operators import at_work, operator, page_of
from users.models import Device, SiteTotals, User

pytestmark = pytest.mark.django_db

SAID = {
    "users/device": ("Devices appear here when", "Устройства появятся здесь"),
    "users/logincode": ("Codes appear here when", "Коды появятся здесь"),
    "users/smsdelivery": ("SMS appear here when", "SMS появятся здесь"),
    "users/smsgateway": ("The gateways of SMS_GATEWAYS appear here", "Шлюзы из SMS_GATEWAYS появятся"),
    "users/sitetotals": ("The totals appear here", "Итоги появятся здесь"),
    "profiles/profile": ("Profiles appear here when", "Профили появятся здесь"),
    "profiles/activation": ("Votes appear here when", "Голоса появятся здесь"),
    "profiles/result": ("Results appear here when", "Результаты появятся здесь"),
    "profiles/webhookendpoint": ("Add a webhook to tell", "Добавьте вебхук"),
    "profiles/webhookdelivery": ("Deliveries appear here when", "Доставки появятся здесь"),
    "procrastinate/procrastinatejob": ("Jobs appear here while", "Здесь будут задания"),
    "users/user?q=424242": ("Nobody is found by this text.", "Никого не нашли."),
}


@pytest.fixture
def superuser() -> Client:
    browser = at_work(operator(is_superuser=True))
    for model in (SiteTotals, Device, Profile):
        model.objects.all().delete()
    return browser


def read(browser: Client, path: str, language: str) -> str:
    return browser.get(path, headers={"Accept-Language": language}).text


@pytest.mark.parametrize("name", SAID)
def test_empty_list_says_what_will_appear_and_offers_no_actions(superuser: Client, name: str) -> None:
    path, _, query = name.partition("?")

    for language, sentence in zip(("en", "ru"), SAID[name], strict=True):
        page = read(superuser, f"/admin/{path}/?{query}", language)
        assert sentence in page
        assert 'name="action"' not in page
        # Nothing to export: where nothing was found, the buttons stay in their place.
        assert page.count('name="format"') == page.count(" disabled aria-label=") == (2 if query else 0)
        assert 'class="paginator"' not in page


def test_list_with_rows_says_nothing_of_that(superuser: Client) -> None:
    page = read(superuser, "/admin/users/user/", "en")

    assert 'class="empty"' not in page


def test_empty_history_says_so(superuser: Client) -> None:
    page = page_of(User.objects.get().pk, "history")

    assert "No operator has changed anything here." in read(superuser, page, "en")
    assert "Операторы здесь ничего не меняли." in read(superuser, page, "ru")
