"""Long exports are read in batches, without cursors of the server."""

import pytest
from django.db import connections

from tests.profiles.test_export import held_on
from tests.support.accounts import SignedInUser, in_session
from tests.support.many_users import nobodys_code
from users import keyset

pytestmark = pytest.mark.django_db


def test_no_connection_uses_cursors_of_the_server() -> None:
    """Behind a PgBouncer, one process could read from the cursor of another: they give theirs the same names."""
    assert all(one.settings_dict["DISABLE_SERVER_SIDE_CURSORS"] for one in connections.all())


def test_every_row_of_every_batch_is_exported(alice: SignedInUser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyset, "BATCH", 2)
    voters = [in_session(f"999111010{number}") for number in range(5)]
    for voter in voters:
        voter.activate(alice.code)
    for _ in range(3):
        assert alice.activate(nobodys_code()).status_code == 404

    held = held_on(alice)
    assert [f"+7{voter.phone}" for voter in voters] == [vote["phone"] for vote in held["invitations"]]
    assert len(held["wrong_invite_codes"]) == 3
