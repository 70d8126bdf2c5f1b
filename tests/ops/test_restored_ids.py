"""No id is given twice, although a restored backup does not know which were given since it was made."""

from collections.abc import Callable
from pathlib import Path

import pytest

from inviting_app import queries
from profiles.webhooks.models import WebhookDelivery, WebhookEndpoint
from tests.support.accounts import SignedInUser
from tests.support.backups import back_up, restore

pytestmark = pytest.mark.django_db(transaction=True)


def test_numbers_given_since_the_backup_are_not_given_again(
    alice: SignedInUser, file: Path, enter: Callable[[str], SignedInUser], empty_database: Callable[[], None]
) -> None:
    back_up(file)
    since = enter("9990000001").profile.pk

    empty_database()
    restore(file)

    endpoint = WebhookEndpoint.objects.create(url="https://example.org", events=["user.erased"])
    # Receivers of webhooks and the erasure log know users by their ids.
    assert enter("9990000002").profile.pk > since
    assert WebhookDelivery.objects.create(endpoint=endpoint, kind="user.erased", data={}).pk > 1000


def test_numbers_that_were_given_faster_than_by_the_clock_go_on_higher(
    alice: SignedInUser,
    file: Path,
    enter: Callable[[str], SignedInUser],
    empty_database: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queries, "NUMBERS_A_SECOND", 0)
    back_up(file)
    empty_database()

    restore(file)

    assert enter("9990000001").profile.pk > alice.profile.pk + 1000


def test_numbers_given_after_a_restore_are_not_given_again_by_the_next_one(
    alice: SignedInUser,
    file: Path,
    enter: Callable[[str], SignedInUser],
    empty_database: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queries, "NUMBERS_A_SECOND", 10_000)  # a restore takes less than a second here
    newer = file.with_suffix(".newer")
    back_up(file)
    given = []

    for number, restored in enumerate((file, file, newer, file)):
        empty_database()
        restore(restored)
        given.append(enter(f"999000000{number}").profile.pk)
        if number == 1:
            back_up(newer)

    assert given == sorted(set(given))
