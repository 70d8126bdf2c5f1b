"""`manage.py doctor` tells of a proxy that does not see its clients' addresses."""

from typing import Any

import pytest

from inviting_app.ops import checks_service
from tests.support.doctor import only
from tests.support.login_steps import ask, begin, someone

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unreachable_gateway")]


@pytest.fixture(autouse=True)
def public(settings: Any) -> None:
    begin()
    settings.SITE_URL = "https://invite.example.org"


def requests(address: str, phones: int) -> None:
    for number in range(phones):
        ask(phone=someone(number), address=address)


@pytest.mark.parametrize("address", ["127.0.0.1", "172.18.0.1", "10.42.0.7", "fd00::1"])
def test_one_private_address_of_many_clients_is_reported(address: str) -> None:
    requests(address, checks_service.MANY_PHONES)

    assert (
        f"codes for 10 phones were requested from {address}, which is not public"
        in only(checks_service.addresses()).msg
    )


@pytest.mark.parametrize(("address", "phones"), [("172.18.0.1", 9), ("8.8.8.8", 10), ("2a00:1450::1", 10)])
def test_few_clients_and_public_addresses_are_not_reported(address: str, phones: int) -> None:
    requests(address, phones)

    assert not list(checks_service.addresses())


def test_local_service_is_not_checked(settings: Any) -> None:
    settings.SITE_URL = "http://localhost:8000"
    requests("127.0.0.1", checks_service.MANY_PHONES)

    assert not list(checks_service.addresses())
