"""Hand-written statements of a sign-up that need the tables of users and profiles."""

from datetime import datetime
from typing import Any, NamedTuple

from users import phones, sql
from users.models import User

_INSERT_USER = f"""
WITH created AS (
    INSERT INTO users_user (phone, created_at, is_test) VALUES (%(phone)s, %(now)s, %(is_test)s)
    ON CONFLICT (phone) DO NOTHING
    RETURNING {sql.columns(User, "users_user")}
), profile AS (
    INSERT INTO profiles_profile (user_id, invite_code) SELECT id, %(invite_code)s FROM created
    ON CONFLICT (invite_code) DO NOTHING RETURNING user_id
)
SELECT {sql.columns(User, "created")}, EXISTS (SELECT 1 FROM profile),
       ARRAY(SELECT erased.id FROM users_user AS erased WHERE erased.erased_trace = %(phone_hash)s ORDER BY erased.id)
  FROM created
"""  # noqa: S608


class NewUser(NamedTuple):
    """A user who was inserted now."""

    user: User
    # False if another profile has the invite code.
    has_profile: bool
    # The ids of users who erased themselves with the same phone.
    former: list[int]


def insert_user(phone: str, phone_hash: bytes, invite_code: str, now: datetime) -> NewUser | None:
    """Insert an unverified user with this E.164 phone, created `now`, and a profile with this invite code.

    It is a test user if the phone is a test number.

    None if another transaction was first. By hand: `get_or_create` and `create` take seven statements for each new
    user.
    """
    values: dict[str, Any] = {"phone": phone, "phone_hash": phone_hash, "invite_code": invite_code, "now": now}
    values |= {"is_test": phones.is_test_number(phone)}
    row = sql.fetch_optional(_INSERT_USER, values)
    return NewUser(sql.instance(User, row), *row[-2:]) if row else None


_INSERT_PROFILE = """
INSERT INTO profiles_profile (user_id, invite_code) VALUES (%s, %s)
ON CONFLICT (invite_code) DO NOTHING RETURNING user_id
"""


def insert_profile(user_id: int, invite_code: str) -> bool:
    """Insert a profile with this invite code. False if another profile has the code.

    By hand: after an IntegrityError only a savepoint would save the transaction.
    """
    return sql.fetch_optional(_INSERT_PROFILE, [user_id, invite_code]) is not None
