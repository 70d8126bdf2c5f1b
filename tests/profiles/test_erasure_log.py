"""The erasure log, and repeating erasures after a backup restored erased users."""

import io
import logging
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import F

from profiles.models import Activation
from tests.support.accounts import SignedInUser, registered
from tests.support.phone_changes import NEW, change
from users.models import Device, SmsDelivery, User
from users.queries import database_now

pytestmark = pytest.mark.django_db
PHONE = "+79991110001"


def erase(person: SignedInUser) -> None:
    assert person.api.delete("/api/v1/profiles/me").status_code == 204


def erasure_log() -> str:
    printed = io.StringIO()
    call_command("erasures", stdout=printed)
    return printed.getvalue()


def repeat_erasure(lines: str, monkeypatch: pytest.MonkeyPatch) -> str:
    printed = io.StringIO()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe is not UTF-8\n" + lines.encode())))
    call_command("erasures", again=True, stdout=printed)
    return printed.getvalue()


def bring_back(user_id: int) -> None:
    """Restore the user's row, as a backup does."""
    User.objects.filter(pk=user_id).update(phone=PHONE, erased_at=None, is_active=True)


def test_committed_erasure_logs_the_line_of_the_erasure_log(
    alice: SignedInUser, caplog: pytest.LogCaptureFixture, django_capture_on_commit_callbacks: Any
) -> None:
    caplog.set_level(logging.INFO, "profiles.privacy")

    with django_capture_on_commit_callbacks() as callbacks:
        erase(alice)
    before = list(caplog.records)
    for callback in callbacks:
        callback()

    lines = [record.getMessage() for record in caplog.records if record.name == "profiles.privacy"]
    assert not [record for record in before if record.name == "profiles.privacy"]
    assert lines == erasure_log().splitlines()
    assert lines == [f"erased person {(gone := User.objects.get()).pk} at {gone.erased_at.isoformat()}"]


def test_empty_erasure_log_is_reported_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("erasures")

    assert capsys.readouterr() == ("", "No user has been erased.\n")


def test_refused_erasure_is_not_logged(alice: SignedInUser, django_capture_on_commit_callbacks: Any) -> None:
    Device.objects.update(signed_in_at=F("signed_in_at") - timedelta(days=1))

    with django_capture_on_commit_callbacks() as callbacks:
        assert alice.api.delete("/api/v1/profiles/me").status_code == 403

    assert callbacks == []
    assert erasure_log() == ""


@pytest.mark.parametrize(
    "around", ["{}", "2026-11-23 12:00:00,000 INFO profiles.privacy [-] {}", '{{"message": "{}"}}']
)
def test_user_restored_from_a_backup_is_erased_again(
    alice: SignedInUser, bob: SignedInUser, monkeypatch: pytest.MonkeyPatch, around: str
) -> None:
    user_id = alice.profile.pk
    erase(alice)
    lines = "some other line\n" + "".join(around.format(line) + "\n" for line in erasure_log().splitlines() * 2)
    bring_back(user_id)
    Device.objects.filter(user_id=user_id).update(user_agent="My phone", ended_at=None)
    SmsDelivery.objects.filter(login_code__user_id=user_id).update(client_address="198.51.100.7")
    Activation.objects.create(invitee_id=user_id, inviter_id=bob.profile.pk)
    type(bob.profile).objects.filter(pk=bob.profile.pk).update(invitations_count=1)

    told = repeat_erasure(lines, monkeypatch)

    assert told == "erasures in the log: 1, users erased again: 1\n"
    gone = User.objects.get(pk=user_id)
    assert gone.phone is None and gone.erased_at and not gone.is_active
    assert not Device.objects.filter(user_id=user_id).exclude(user_agent="").exists()
    assert not Device.objects.filter(user_id=user_id, ended_at=None).exists()
    assert not SmsDelivery.objects.filter(client_address="198.51.100.7").exists()
    assert bob.profile.invitations_count == 0


def test_repeating_erasures_twice_changes_nothing(alice: SignedInUser, monkeypatch: pytest.MonkeyPatch) -> None:
    erase(alice)
    lines = erasure_log()

    told = repeat_erasure(lines, monkeypatch)

    assert told == "erasures in the log: 1, users erased again: 0\n"
    assert erasure_log() == lines


def test_new_user_with_the_id_of_an_erased_one_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a restore, ids of later users are used again."""
    newcomer = registered("9991110002").user
    erased_at = newcomer.created_at - timedelta(seconds=1)

    told = repeat_erasure(f"erased person {newcomer.pk} at {erased_at.isoformat()}", monkeypatch)

    assert told == "erasures in the log: 1, users erased again: 0\n"
    assert User.objects.get(pk=newcomer.pk).phone == "+79991110002"


def test_user_whose_first_sign_in_was_later_stays(alice: SignedInUser, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change of phone ends a user who had only requested a code. After a restore, that user may sign in."""
    holder = registered(NEW, verified_at=None).user
    assert change(alice).status_code == 200
    lines = erasure_log()
    bring_back(holder.pk)
    User.objects.filter(pk=holder.pk).update(verified_at=database_now())

    told = repeat_erasure(lines, monkeypatch)

    assert told == "erasures in the log: 1, users erased again: 0\n"


@pytest.mark.parametrize(
    "line", ["", "erased person x at y", "erased person 1", f"erased person {'9' * 18} at 2026-01-01T00:00:00+00:00"]
)
def test_other_lines_erase_no_user(alice: SignedInUser, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    told = repeat_erasure(line, monkeypatch)

    assert told.endswith(", users erased again: 0\n")
    assert alice.me()["phone"] == alice.phone
