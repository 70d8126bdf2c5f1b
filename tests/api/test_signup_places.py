"""Sign-ups of one network wait for each other. They leave threads for everybody else."""

from typing import Any

import pytest

from tests.support import phone_changes
from tests.support.accounts import SignedInUser, client
from users.login import sms_limits
from users.login.network_places import MOST_OF_A_NETWORK

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unreachable_gateway")]

ELSEWHERE = "203.0.113.9"


def ask(address: str, phone: str = "9991112233") -> Any:
    return client().post("/api/auth/signup", {"phone": phone}, REMOTE_ADDR=address)


@pytest.mark.parametrize(
    ("address", "neighbour"),
    [("198.51.100.7", "198.51.100.7"), ("2001:db8:0:1::1", "2001:db8:0:2::1")],
    ids=["IPv4", "an IPv6 /48"],
)
@pytest.mark.parametrize("changes_phone", [False, True])
def test_signups_of_one_network_that_take_long_leave_threads_for_others(
    alice: SignedInUser,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    changes_phone: bool,
    address: str,
    neighbour: str,
) -> None:
    costs, in_progress, refused, others = sms_limits.costs, [], [], []

    def begin(address: str) -> Any:
        if changes_phone:
            return alice.api.post(phone_changes.PATH, {"phone": phone_changes.NEW}, REMOTE_ADDR=address)
        return ask(address)

    def slow(phone: str, address: str, now: Any) -> Any:
        if address != ELSEWHERE:
            in_progress.append(phone)
            if len(in_progress) == MOST_OF_A_NETWORK:
                others.append(ask(ELSEWHERE))
            if len(in_progress) <= settings.WEB_THREADS and (answer := begin(neighbour)).status_code != 200:
                refused.append(answer)
        return costs(phone, address, now)

    with monkeypatch.context() as patch:
        patch.setattr(sms_limits, "costs", slow)
        assert begin(address).status_code == 200

    [answer] = refused
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "unavailable", "5")
    assert len(in_progress) == MOST_OF_A_NETWORK < settings.WEB_THREADS
    assert [other.status_code for other in others] == [200]
    assert begin(address).status_code == 200
