"""No id is given twice, although a restored backup does not know which were given since it was made."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from inviting_app import queries
from profiles.webhooks.models import WebhookDelivery, WebhookEndpoint
from tests.support.accounts import SignedInUser
from tests.support.backups import back_up, restore

pytestmark = pytest.mark.django_db(transaction=True)

# Restores a backup into an empty database. Returns the id of the next user.
IdAfter = Callable[[Path], int]


@pytest.fixture
def id_after(empty_database: Callable[[], None], enter: Callable[[str], SignedInUser]) -> IdAfter:
    phones = count(9_990_000_010)

    def restored(file: Path) -> int:
        empty_database()
        restore(file)
        return enter(str(next(phones))).profile.pk

    return restored


@pytest.mark.usefixtures("alice")
def test_numbers_given_since_the_backup_are_not_given_again(
    file: Path, enter: Callable[[str], SignedInUser], id_after: IdAfter
) -> None:
    back_up(file)
    since = enter("9990000001").profile.pk

    # Receivers of webhooks and the erasure log know users by their ids.
    assert id_after(file) > since
    endpoint = WebhookEndpoint.objects.create(url="https://example.org", events=["user.erased"])
    assert WebhookDelivery.objects.create(endpoint=endpoint, kind="user.erased", data={}).pk > 1000


def test_numbers_that_were_given_faster_than_by_the_clock_go_on_higher(
    alice: SignedInUser, file: Path, id_after: IdAfter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "NUMBERS_A_SECOND", 0)
    back_up(file)

    assert id_after(file) > alice.profile.pk + 1000


@pytest.mark.usefixtures("alice")
def test_numbers_given_after_a_restore_are_not_given_again_by_the_next_one(
    file: Path, id_after: IdAfter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "NUMBERS_A_SECOND", 10_000)  # a restore takes less than a second here
    newer = file.with_suffix(".newer")
    back_up(file)
    given = []

    for number, restored in enumerate((file, file, newer, file)):
        given.append(id_after(restored))
        if number == 1:
            back_up(newer)

    assert given == sorted(set(given))
