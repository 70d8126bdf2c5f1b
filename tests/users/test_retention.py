"""The hourly purge: what it deletes, and what it keeps."""

from datetime import timedelta
from threading import Event, Thread

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.sessions.models import Session
from django.db import connection, transaction

from profiles import privacy, signup, tasks
from profiles.models import FailedActivation, Profile
from tests.support.login_steps import ADDRESS, PHONE, answer, ask, at, set_code
from users import accounts, retention
from users.login import codes
from users.models import Challenge, Device, LoginCode, SmsDelivery, User

pytestmark = pytest.mark.django_db
DAY = 24 * 3600
VERIFIED = "+79990000001"


def purge(days: float) -> None:
    retention.delete_expired(at(0) + timedelta(days=days, seconds=1))


def test_login_rows_are_kept_for_31_days() -> None:
    answer(ask())
    ask(1)

    purge(30.9)
    assert (LoginCode.objects.count(), Challenge.objects.count(), SmsDelivery.objects.count()) == (2, 2, 2)

    purge(31.1)
    assert not LoginCode.objects.exists()
    assert not Challenge.objects.exists()
    assert not SmsDelivery.objects.exists()


def test_addresses_are_kept_for_30_days() -> None:
    ask()
    SmsDelivery.objects.update(client_address=ADDRESS)

    purge(29.9)
    assert Challenge.objects.get().address == SmsDelivery.objects.get().client_address == ADDRESS

    purge(30.1)
    assert Challenge.objects.get().address is None
    assert SmsDelivery.objects.get().client_address is None


def test_challenges_of_long_codes_are_kept_for_a_day_and_their_codes_for_31() -> None:
    ask()
    long = ask(phone=VERIFIED).challenge_id
    set_code(long, length=codes.LONG)

    purge(0.99)
    assert Challenge.objects.count() == 2

    purge(1.01)
    assert Challenge.objects.get().login_code.length == codes.SHORT
    assert LoginCode.objects.get(length=codes.LONG).challenges == 1


def test_batches_delete_all_expired_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    for second in range(5):
        answer(ask(second), second)

    purge(30.1)
    assert not Challenge.objects.filter(address__isnull=False).exists()

    purge(32)
    assert not LoginCode.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_locked_user_is_left_for_the_next_purge() -> None:
    ask()
    LoginCode.objects.all().delete()
    locked, done = Event(), Event()

    def hold() -> None:
        with transaction.atomic():
            signup.lock_or_create(PHONE)
            locked.set()
            done.wait(timeout=60)
        connection.close()

    holder = Thread(target=hold)
    holder.start()
    try:
        locked.wait(timeout=60)
        purge(50)
        assert User.objects.filter(phone=PHONE).exists()
    finally:
        done.set()
        holder.join()
    purge(50)
    assert not User.objects.exists()


def test_wrong_invite_codes_are_kept_for_a_day() -> None:
    answer(ask())
    FailedActivation.objects.create(user=User.objects.get(), created_at=at(0))

    privacy.purge(at(0) + timedelta(days=0.99))
    assert FailedActivation.objects.exists()

    privacy.purge(at(0) + timedelta(days=1.01))
    assert not FailedActivation.objects.exists()


def test_expired_sessions_of_the_admin_are_deleted() -> None:
    Session.objects.create(session_key="old", session_data="", expire_date=at(0))
    Session.objects.create(session_key="new", session_data="", expire_date=at(0) + timedelta(days=2))

    purge(1)

    assert [session.session_key for session in Session.objects.all()] == ["new"]


def test_unverified_user_is_deleted_with_the_last_login_row() -> None:
    ask()
    ask(20 * DAY)
    User.objects.update(created_at=at(0))

    purge(50)
    assert User.objects.filter(phone=PHONE).exists()

    purge(52)
    assert not User.objects.exists()
    assert not Profile.objects.exists()


def test_verified_staff_and_erased_users_stay() -> None:
    erased = answer(ask(phone="+79990000002"))
    assert erased.created
    privacy.erase(Device.objects.get())
    answer(ask(phone=VERIFIED))
    ask(phone="+79990000003")
    User.objects.filter(phone="+79990000003").update(is_staff=True)
    User.objects.update(created_at=at(0))

    purge(400)

    assert set(User.objects.values_list("phone", flat=True)) == {VERIFIED, "+79990000003", None}
    assert Profile.objects.count() == 3


def test_former_operator_stays_with_what_they_did_and_a_disabled_number_stays_disabled() -> None:
    answer(ask(phone=VERIFIED))
    former = signup.make_operator("+79990000003", "a password of a former operator")
    LogEntry.objects.log_actions(former.pk, [User.objects.get(phone=VERIFIED)], CHANGE, "Released the vote.")
    accounts.set_role(former, is_staff=False, is_superuser=False)
    ask()
    accounts.disable(User.objects.get(phone=PHONE))
    User.objects.update(created_at=at(0))

    purge(400)

    assert LogEntry.objects.filter(user=former).count() == 2
    assert set(User.objects.values_list("phone", flat=True)) == {VERIFIED, "+79990000003", PHONE}


def test_devices_without_session_and_trust_are_deleted() -> None:
    answer(ask())

    purge(179.9)
    assert Device.objects.exists()

    purge(180.1)
    assert not Device.objects.exists()
    assert User.objects.exists()


def test_ended_devices_are_deleted_after_90_days() -> None:
    answer(ask())
    Device.objects.update(trust_hash=None, trusted_until=None, ended_at=at(0))

    purge(89.9)
    assert Device.objects.exists()

    purge(90.1)
    assert not Device.objects.exists()


def test_device_that_still_refreshes_stays() -> None:
    answer(ask())
    Device.objects.update(trust_hash=None, trusted_until=None, refreshed_at=at(0) + timedelta(days=89))

    purge(100)

    assert Device.objects.exists()


def test_purge_of_a_new_service_deletes_nothing() -> None:
    answer(ask())

    tasks.purge(timestamp=0)

    assert (LoginCode.objects.count(), Device.objects.count(), User.objects.count()) == (1, 1, 1)


def test_purge_runs_every_hour() -> None:
    periodic = tasks.app.periodic_registry.periodic_tasks

    assert [task.cron for (name, _), task in periodic.items() if name == "profiles.tasks.purge"] == ["17 * * * *"]
