"""Rows that the database refuses by constraints."""

import uuid
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from tests.support.login_steps import answer, ask
from users.models import Challenge, Device, LoginCode, SmsDelivery, User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def rows() -> None:
    """A user with a row in each table: an open code, and one that was used on a device."""
    answer(ask())
    ask(1)


def refused(constraint: str, sql: str, *values: Any) -> None:
    with pytest.raises(IntegrityError) as error, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)
    assert error.value.__cause__.diag.constraint_name == constraint


def copy(table: str, **changed: Any) -> tuple[Any, ...]:
    """SQL and values that insert a copy of a table's last row, with other values in some columns."""
    with connection.cursor() as cursor:
        columns = [column.name for column in connection.introspection.get_table_description(cursor, table)]
    columns.remove("id")
    picked = ", ".join("%s" if name in changed else name for name in columns)
    names = ", ".join(columns)
    values = [changed[name] for name in columns if name in changed]
    return f"INSERT INTO {table} ({names}) SELECT {picked} FROM {table} ORDER BY id DESC LIMIT 1", *values


def test_phone_is_unique() -> None:
    refused("users_user_phone_key", "INSERT INTO users_user (phone) VALUES ('+79991234567')")


@pytest.mark.parametrize(
    "phone", ["", "9991234567", "+09991234567", "+7999 123456", "+7", "+7999123456a", "+7999123\n"]
)
def test_phone_is_e164(phone: str) -> None:
    refused("users_user_phone_is_e164", "INSERT INTO users_user (phone) VALUES (%s)", phone)


def test_person_without_phone_is_erased() -> None:
    refused("users_user_phone_null_iff_erased", "UPDATE users_user SET phone = NULL")


def test_erased_person_has_no_phone() -> None:
    refused("users_user_phone_null_iff_erased", "UPDATE users_user SET erased_at = now()")


@pytest.mark.parametrize("column", ["is_staff", "is_superuser"])
def test_test_user_is_no_operator(column: str) -> None:
    values = "('+79990000001', true, true)"

    refused("users_user_test_no_operator", f"INSERT INTO users_user (phone, is_test, {column}) VALUES {values}")


@pytest.mark.parametrize("is_test", [True, False])
def test_whether_a_user_is_a_test_user_never_changes(is_test: bool) -> None:
    user = User.objects.create(phone="+79990000001", is_test=is_test)

    refused("users_user_is_test_final", "UPDATE users_user SET is_test = NOT is_test WHERE id = %s", user.pk)


def test_new_user_has_no_rights_and_no_usable_password() -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO users_user (phone) VALUES ('+79990000000')")

    user = User.objects.get(phone="+79990000000")

    assert (user.is_active, user.is_staff, user.is_superuser, user.verified_at) == (True, False, False, None)
    assert not user.check_password("")


def test_session_is_unique() -> None:
    refused("users_device_session_id_key", *copy("users_device", trust_hash=None, trusted_until=None))


def test_trust_is_unique() -> None:
    refused("users_device_trust_hash_key", *copy("users_device", session_id=uuid.uuid4()))


@pytest.mark.parametrize("column", ["trust_hash", "trusted_until"])
def test_trust_has_both_a_hash_and_an_end_or_neither(column: str) -> None:
    refused("users_device_trust_has_an_end", f"UPDATE users_device SET {column} = NULL")


def test_one_code_of_a_track_is_open_at_a_time() -> None:
    refused("users_logincode_one_open_each", *copy("users_logincode"))


def test_one_code_of_a_change_of_phone_is_open_at_a_time() -> None:
    for user_id in (7, 8):
        sql, *values = copy("users_logincode", changing_user_id=user_id)
        with connection.cursor() as cursor:
            cursor.execute(sql, values)

    refused("users_logincode_one_open_each", *copy("users_logincode"))


def test_code_of_a_change_of_phone_is_of_no_known_device() -> None:
    refused(
        "users_logincode_change_is_unknown",
        "UPDATE users_logincode SET changing_user_id = 7, device_id = (SELECT id FROM users_device)",
    )


def test_one_code_of_a_known_device_is_open_at_a_time() -> None:
    LoginCode.objects.filter(closed_at=None).update(device=Device.objects.get())
    refused("users_logincode_one_open_each", *copy("users_logincode"))


@pytest.mark.parametrize("change", [{"digits": 10}, {"closed_at": "2030-01-01T00:00:00Z"}])
def test_codes_of_another_length_or_closed_ones_may_exist_beside_it(change: dict[str, Any]) -> None:
    sql, *values = copy("users_logincode", **change)

    with connection.cursor() as cursor:
        cursor.execute(sql, values)

    assert LoginCode.objects.count() == 3


@pytest.mark.parametrize("digits", [0, 3, 5, 6, 9, 11])
def test_code_has_four_digits_or_ten(digits: int) -> None:
    refused("users_logincode_digits", "UPDATE users_logincode SET digits = %s", digits)


def test_used_code_is_closed() -> None:
    refused(
        "users_logincode_used_is_closed",
        "UPDATE users_logincode SET used_at = now(), closed_at = NULL WHERE device_id IS NULL",
    )


@pytest.mark.parametrize("column", ["challenges", "wrong"])
def test_counts_of_a_code_are_not_negative(column: str) -> None:
    refused(f"users_logincode_{column}_check", f"UPDATE users_logincode SET {column} = -1")


def test_public_id_of_a_challenge_is_unique() -> None:
    refused("users_challenge_public_id_key", *copy("users_challenge"))


def test_challenge_has_three_attempts() -> None:
    refused("users_challenge_attempts", "UPDATE users_challenge SET attempts = 4")


def test_attempts_are_not_negative() -> None:
    refused("users_challenge_attempts_check", "UPDATE users_challenge SET attempts = -1")


def test_delivery_has_a_known_state() -> None:
    refused("users_smsdelivery_state", "UPDATE users_smsdelivery SET state = 'lost'")


@pytest.mark.parametrize(
    ("model", "column"),
    [
        (Device, "user_id"),
        (LoginCode, "user_id"),
        (LoginCode, "device_id"),
        (Challenge, "login_code_id"),
        (SmsDelivery, "login_code_id"),
    ],
)
def test_foreign_keys_refer_to_existing_rows(model: Any, column: str) -> None:
    with pytest.raises(IntegrityError) as error, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {model._meta.db_table} SET {column} = 0")
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert f"{model._meta.db_table}_{column}_" in error.value.__cause__.diag.constraint_name


def test_every_constraint_has_a_test() -> None:
    """Add the name of a new constraint here together with its test."""
    names = {
        constraint.name
        for model in (User, Device, LoginCode, Challenge, SmsDelivery)
        for constraint in model._meta.constraints
    }

    assert names == {
        "users_user_phone_is_e164",
        "users_user_phone_null_iff_erased",
        "users_user_test_no_operator",
        "users_device_trust_has_an_end",
        "users_logincode_one_open_each",
        "users_logincode_change_is_unknown",
        "users_logincode_digits",
        "users_logincode_used_is_closed",
        "users_challenge_attempts",
        "users_smsdelivery_state",
    }
