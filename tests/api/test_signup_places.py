"""Sign-ups of one network wait for each other. They leave threads for everybody else."""

from typing import Any

import pytest

from tests.support import phone_changes
from tests.support.accounts import SignedInUser, client
from users.login import network_places, sms_limits
from users.login.network_places import MOST_OF_A_NETWORK

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unreachable_gateway")]

ELSEWHERE = "203.0.113.9"
PHONE, TEST_NUMBER = "9991112233", "9990000001"


def ask(address: str, phone: str = PHONE) -> Any:
    return client().post("/api/auth/signup", {"phone": phone}, REMOTE_ADDR=address)


@pytest.mark.parametrize(
    ("address", "neighbour"),
    [("198.51.100.7", "198.51.100.7"), ("2001:db8:0:1::1", "2001:db8:0:2::1")],
    ids=["IPv4", "an IPv6 /48"],
)
@pytest.mark.parametrize("way", ["sign-up", "change of phone", "test number"])
def test_signups_of_one_network_that_take_long_leave_threads_for_others(
    alice: SignedInUser,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
    address: str,
    neighbour: str,
) -> None:
    settings.SMS_TEST_NUMBERS = {f"+7{TEST_NUMBER}": "4071"}
    costs, begun, refused, others = sms_limits.costs, [], [], []

    def begin(address: str) -> Any:
        if way == "change of phone":
            return alice.api.post(phone_changes.PATH, {"phone": phone_changes.NEW}, REMOTE_ADDR=address)
        return ask(address, TEST_NUMBER if way == "test number" else PHONE)

    def slow(phone: str, address: str, now: Any) -> Any:
        if address != ELSEWHERE:
            begun.append(phone)
            if len(begun) == MOST_OF_A_NETWORK:
                others.append(ask(ELSEWHERE))
            if len(begun) <= settings.WEB_THREADS and (answer := begin(neighbour)).status_code != 200:
                refused.append(answer)
        return costs(phone, address, now)

    with monkeypatch.context() as patch:
        patch.setattr(sms_limits, "costs", slow)
        assert begin(address).status_code == 200

    [answer] = refused
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "unavailable", "5")
    assert len(begun) == MOST_OF_A_NETWORK < settings.WEB_THREADS
    assert [other.status_code for other in others] == [200]
    assert begin(address).status_code == 200


def test_demo_mode_has_no_limits_by_network_and_no_places(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_places, "MOST_OF_A_NETWORK", 0)
    assert ask(ELSEWHERE).status_code == 503

    settings.DEMO = True

    assert ask(ELSEWHERE).status_code == 200
