"""Hand-written statements read and write the same as the ORM."""

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import Count, F, Sum
from django.db.utils import ConnectionHandler

from profiles import invite_codes, signup_queries
from tests.support.accounts import registered
from tests.support.login_steps import PHONE, answer, ask, at, challenge
from tests.support.stored import fields, history
from users import accounts, limit_queries, login_queries, queries
from users.clock import StatementTimestamp
from users.login import codes
from users.models import Challenge, Device, LoginCode, SiteTotals, SmsDelivery, SmsGateway, User
from users.queries import database_now
from users.sms import queries as sms_queries

pytestmark = pytest.mark.django_db


def signed_in_device() -> Device:
    answer(ask())
    return Device.objects.get()


def test_locked_user_is_what_the_orm_reads() -> None:
    before = database_now()
    user = registered("9990001122").user

    with transaction.atomic():
        by_id, by_phone = queries.lock_user(user.pk), queries.lock_phone(user.phone or "", b"")

    assert by_phone.user
    assert fields(by_id.user) == fields(by_phone.user) == fields(User.objects.get(pk=user.pk))
    assert before < by_id.now < by_phone.now < database_now()
    with transaction.atomic():
        assert queries.lock_phone("+79990000000", b"").user is None
    with pytest.raises(User.DoesNotExist):
        queries.lock_user(0)


@pytest.fixture
def migration(transactional_db: None) -> Iterator[Callable[[], None]]:
    """A function that adds a column to users and codes on another connection, as a later migration may."""
    other = ConnectionHandler({"default": connection.settings_dict})["default"]

    def execute(change: str) -> None:
        with other.cursor() as cursor:
            for table in ("users_user", "users_logincode"):
                cursor.execute(f"ALTER TABLE {table} {change}")

    yield lambda: execute("ADD COLUMN added integer")
    execute("DROP COLUMN IF EXISTS added")
    other.close()


def test_prepared_statements_outlive_a_migration_that_adds_a_column(migration: Callable[[], None]) -> None:
    device = signed_in_device()
    asked = challenge(ask(1).challenge_id)
    phones = (f"+7999000{number:04}" for number in count())

    def run_all() -> None:
        with transaction.atomic():
            assert queries.lock_user(device.user_id) and queries.lock_phone(PHONE, b"").user
        assert signup_queries.insert_user(next(phones), b"", invite_codes.generate(), at(0))
        assert queries.live_session(device.session_id, device.user_id)
        assert history(device.user_id).sent
        assert login_queries.challenge_with_phone(asked.public_id)
        Challenge.objects.update(attempts=0)
        assert login_queries.consume_attempt(asked.public_id, codes.SHORT, at(2))

    for _ in range(6):  # often enough for psycopg to prepare a statement
        run_all()
    migration()

    run_all()


def test_statements_read_users_and_codes_whole() -> None:
    device = signed_in_device()
    asked = challenge(ask(1).challenge_id)

    with transaction.atomic():
        users = [queries.lock_user(device.user_id).user, queries.lock_phone(PHONE, b"").user]
    inserted = signup_queries.insert_user("+79990001122", b"", "ABCDEF", at(0))
    session = queries.live_session(device.session_id, device.user_id)
    found = login_queries.challenge_with_phone(asked.public_id)
    attempt = login_queries.consume_attempt(asked.public_id, codes.SHORT, at(2))
    sent = history(device.user_id).sent

    assert inserted and session and found and attempt
    of_users = [*(user for user in (*users, inserted[0]) if user), session[0].user]
    of_codes = [found[0].login_code, attempt.challenge.login_code, *(code for _, code in sent)]
    assert {len(row.get_deferred_fields()) for row in (*of_users, *of_codes)} == {0}


def test_inserted_user_and_earlier_erased_ones_are_what_the_orm_reads() -> None:
    phone_hash = accounts.phone_hash(PHONE)
    erased = User.objects.create(phone=None, erased_at=at(0), erased_phone_hash=phone_hash)

    created = signup_queries.insert_user(PHONE, phone_hash, "ABCDEF", at(0))

    assert created
    assert fields(created.user) == fields(User.objects.get(phone=PHONE))
    assert (created.has_profile, created.user.profile.invite_code, created.former) == (True, "ABCDEF", [erased.pk])
    assert signup_queries.insert_user(PHONE, phone_hash, "GHJKMN", at(0)) is None
    unlucky = signup_queries.insert_user("+79990001122", phone_hash, "ABCDEF", at(0))
    assert unlucky
    assert not unlucky.has_profile
    assert not signup_queries.insert_profile(unlucky.user.pk, "ABCDEF")
    assert signup_queries.insert_profile(unlucky.user.pk, "GHJKMN")


def test_live_session_is_what_the_orm_reads() -> None:
    device = signed_in_device()

    found = queries.live_session(device.session_id, device.user_id)

    assert found
    assert fields(found[0].user) == fields(device.user)
    assert fields(found[0]) == fields(device)
    assert found[1] <= database_now()
    assert queries.live_session(device.session_id, 0) is queries.live_session(uuid.uuid4(), device.user_id) is None


@pytest.mark.parametrize("ended", [{"ended_at": StatementTimestamp()}, {"user__is_active": False}])
def test_session_is_live_only_while_device_and_user_are(ended: dict[str, Any]) -> None:
    device = signed_in_device()
    if "ended_at" in ended:
        Device.objects.update(**ended)
    else:
        User.objects.update(is_active=False)

    assert queries.live_session(device.session_id, device.user_id) is None


def test_counted_failures_of_a_gateway_open_its_circuit() -> None:
    for _ in range(2):
        sms_queries.count_gateway_failure("1 webhook", "fault", failures=1, limit=2, open_for=timedelta(seconds=30))

    gateway = SmsGateway.objects.annotate(left=F("circuit_open_until") - F("failed_at")).get()
    assert (gateway.failures, gateway.error) == (2, "fault")
    assert timedelta(seconds=30) <= gateway.left < timedelta(seconds=31)


def test_depth_of_the_queue_is_that_of_the_orm() -> None:
    for number in range(4):
        ask(phone=f"+7999123450{number}")
    now = database_now()
    first, second, third, _ = SmsDelivery.objects.order_by("pk")
    for sms, state, seconds, rounds in ((first, "sent", -9, 0), (second, "queued", 9, 2), (third, "queued", 9, 0)):
        values = {"state": state, "next_try_at": now + timedelta(seconds=seconds), "failed_rounds": rounds}
        SmsDelivery.objects.filter(pk=sms.pk).update(**values)
    waiting = SmsDelivery.objects.filter(state="queued")
    queue = queries.queue(now)
    assert (queue.due, queue.later) == (
        waiting.filter(next_try_at__lte=now).count(),
        waiting.filter(next_try_at__gt=now, failed_rounds__gt=0).count(),
    )
    assert queue.later == 1
    assert queue.waited == now - waiting.filter(next_try_at__lte=now).earliest("next_try_at").next_try_at


def test_stored_totals_count_what_the_orm_counts() -> None:
    answer(ask())
    limits = {"country": 20, "share": 0.3, "prefix": 10, "ipv4": 32, "ipv6": 48}
    limit_queries.store_totals(database_now(), settled=timedelta(minutes=15), **limits)
    totals = SiteTotals.objects.get()
    assert totals.sms_in_a_day == SmsDelivery.objects.aggregate(count=Count("pk"))["count"]
    used = LoginCode.objects.filter(used_at__isnull=False).aggregate(users=Count("user", distinct=True))["users"]
    assert totals.people_a_day == pytest.approx(used / 7)
    assert not LoginCode.objects.aggregate(wrong=Sum("wrong"))["wrong"]
