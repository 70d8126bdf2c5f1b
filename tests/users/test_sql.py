"""Rows read and inserted without the ORM are the ORM's own."""

from __future__ import annotations

import uuid

import pytest
from django.db import connection
from django.utils import timezone

from tests.support.accounts import registered
from users import sql
from users.models import Challenge, Device, LoginCode, SmsDelivery

pytestmark = pytest.mark.django_db


def device() -> Device:
    now = timezone.now()
    return Device(
        user=registered("9990001122").user,
        user_agent="Ünïcode ' \" %s",
        created_at=now,
        session_id=uuid.uuid4(),
        signed_in_at=now,
        refreshed_at=now,
        refresh_jti=uuid.uuid4(),
        trust_nonce=b"\x00\xff%s",
        trust_hash=b"\x01",
        trusted_until=now,
    )


def values(of: Device) -> dict[str, object]:
    return {name: value for name, value in vars(of).items() if not name.startswith("_")}


def test_inserted_object_is_what_the_orm_reads_back() -> None:
    inserted = device()

    sql.insert(inserted)

    assert values(Device.objects.get(pk=inserted.pk)) == values(inserted)


def test_inserted_object_can_be_saved_again() -> None:
    inserted = device()
    sql.insert(inserted)

    inserted.user_agent = "another"
    inserted.save()

    assert Device.objects.get().user_agent == "another"


def test_loaded_object_is_what_the_orm_reads_and_the_rest_is_left() -> None:
    sql.insert(device())

    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {sql.columns(Device, 'd')}, 'rest', 7 FROM users_device AS d")
        loaded, rest = sql.loaded(Device, cursor.fetchone())

    assert rest == ("rest", 7)
    assert values(loaded) == values(Device.objects.get())
    assert loaded == Device.objects.get()


@pytest.mark.parametrize("model", [Device, LoginCode, Challenge, SmsDelivery])
def test_first_column_of_what_is_inserted_is_the_id(model: type) -> None:
    first, *others = model._meta.concrete_fields

    assert first.column == model._meta.pk.column == "id"
    assert not [field.name for field in others if field.has_db_default()]
