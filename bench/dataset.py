"""A database full of users, for measurements, with their tokens and codes to sign in with.

    fill(connection, 1_000_000)             users, 900,000 votes, 200,000 of them for user CELEBRITY
    tokens(spread(users, 10_000))           access tokens of 10,000 of them
    challenges(connection, 5_000)           challenges and codes for 5,000 logins
    not_voted(connection, 5_000)            users who can still vote

Everything about a user follows from the id, 1 to `users`. The service has the SECRET_KEY of this process.
"""

import hashlib
import secrets
import time
import uuid
from collections.abc import Iterable
from typing import Any

import jwt
import psycopg

from users import keys
from users.login import codes

# The user with two ninths of all votes, and one who may be made staff.
CELEBRITY, OPERATOR = 1, 2

Connection = psycopg.Connection[Any]

_FILL = """
SET LOCAL session_replication_role = replica;
SET LOCAL work_mem = '256MB';
SELECT setseed(0.5);

-- Nine of ten vote, two of these nine for the celebrity, the others more often for users with small ids.
CREATE TEMP TABLE vote ON COMMIT DROP AS
SELECT id AS invitee, CASE WHEN id % 9 < 2 OR drawn = id THEN {celebrity} ELSE drawn END AS inviter
  FROM (SELECT id, 2 + floor(({users} - 1) * power(random(), 3))::int AS drawn
          FROM generate_series(2, {users}) AS id WHERE id % 10 <> 3) AS voter;

-- Users signed up at an even rate for two years.
INSERT INTO users_user (id, phone, created_at, verified_at, last_login)
SELECT id, '+7' || 9000000000 + id, at, at + interval '20 s', at + interval '20 s'
  FROM generate_series(1, {users}) AS id,
       LATERAL (SELECT now() - interval '2 years' * (1 - id / ({users} + 1.0))) AS signed_up(at);

-- One device each, recently refreshed.
INSERT INTO users_device (user_id, user_agent, created_at, session_id, signed_in_at, refreshed_at, refresh_jti,
                          trust_nonce)
SELECT id, 'App/1.0 (Android 16)', created_at, md5(id::text)::uuid, now() - interval '1 hour', now(),
       gen_random_uuid(), uuid_send(md5(id::text)::uuid)
  FROM users_user ORDER BY id;

INSERT INTO profiles_profile (user_id, invite_code, invitations_count, created_at)
SELECT id, translate(upper(lpad(to_hex(id), 6, '0')), '01', 'GH'), coalesce(votes, 0), created_at
  FROM users_user
  LEFT JOIN (SELECT inviter AS id, count(*) AS votes FROM vote GROUP BY inviter) AS counted USING (id)
 ORDER BY id;

-- Each vote is later than both sign-ups. Votes are stored in the order of their times.
INSERT INTO profiles_activation (invitee_id, inviter_id, created_at)
SELECT invitee, inviter, later + random() * (now() - later)
  FROM vote JOIN users_user AS a ON a.id = invitee JOIN users_user AS b ON b.id = inviter,
       LATERAL (SELECT greatest(a.created_at, b.created_at)) AS signed_up(later)
 ORDER BY 3;

SELECT setval(pg_get_serial_sequence('users_user', 'id'), {users}),
       setval(pg_get_serial_sequence('users_device', 'id'), {users})
"""


def fill(database: Connection, users: int) -> None:
    """Fill the migrated and empty database of a service, and commit.

    Needs a superuser, because foreign keys are not checked meanwhile. All other constraints and all indexes are.
    """
    script = _FILL.format(users=users, celebrity=CELEBRITY)
    with database.transaction():
        for statement in script.split(";\n"):
            database.execute(statement)
    # Not the other tables, which are still empty. The service would keep plans that read all of an empty table, while
    # the table grows. In a service that is in use, the tables of codes and SMS are not empty.
    database.execute("VACUUM ANALYZE users_user, users_device, profiles_profile, profiles_activation")
    database.execute("CHECKPOINT")


def spread(users: int, count: int) -> range:
    """The ids of `count` of all `users`, at even distances, without the celebrity."""
    count = min(count, users - 1)
    step = (users - 1) // count
    return range(2, 2 + step * count, step)


def session_id(user: int) -> uuid.UUID:
    """Of the user's only device."""
    return uuid.UUID(hashlib.md5(str(user).encode(), usedforsecurity=False).hexdigest())


def invite_code(user: int) -> str:
    return f"{user:06X}".translate(str.maketrans("01", "GH"))


def tokens(users: Iterable[int]) -> list[str]:
    """An access token for each user, valid for ten minutes."""
    key = keys.token_keys()[0]
    claims = {"iss": "inviting_app", "aud": "inviting_app:api", "typ": "access", "exp": int(time.time()) + 600}
    return [
        jwt.encode({**claims, "jti": uuid.uuid4().hex, "sub": str(user), "sid": session_id(user).hex}, key, "HS256")
        for user in users
    ]


_WITHOUT_CODE = """
SELECT id FROM users_user WHERE NOT EXISTS (SELECT 1 FROM users_logincode WHERE user_id = users_user.id)
 ORDER BY random() LIMIT %s
"""
_CODES = """
INSERT INTO users_logincode (user_id, digits, nonce, language, challenges, wrong, created_at, sent_at, open_until,
                             expires_at)
SELECT user_id, 4, nonce, 'en', 1, 0, now(), now(), now() + interval '5 min', now() + interval '5 min'
  FROM unnest(%s::bigint[], %s::bytea[]) AS given(user_id, nonce)
RETURNING id
"""
_CHALLENGES = """
INSERT INTO users_challenge (public_id, login_code_id, address, attempts, created_at)
SELECT public_id, login_code_id, '127.0.0.1', 0, now()
  FROM unnest(%s::text[], %s::bigint[]) AS given(public_id, login_code_id)
"""


def challenges(database: Connection, count: int) -> list[tuple[str, str]]:
    """(challenge_id, code) for the logins of `count` users who have requested no code yet. Valid for 5 minutes."""
    with database.transaction():
        users = [row[0] for row in database.execute(_WITHOUT_CODE, [count])]
        nonces = [codes.new_nonce() for _ in users]
        ids = [row[0] for row in database.execute(_CODES, [users, nonces])]
        public_ids = [secrets.token_urlsafe(16) for _ in ids]
        database.execute(_CHALLENGES, [public_ids, ids])
    return [(public_id, codes.derive(nonce, codes.SHORT)) for public_id, nonce in zip(public_ids, nonces, strict=True)]


def not_voted(database: Connection, count: int) -> list[int]:
    """Up to `count` random users, without the celebrity, who have not voted yet."""
    rows = database.execute(
        "SELECT user_id FROM profiles_profile AS own WHERE user_id <> %s"
        " AND EXISTS (SELECT 1 FROM users_device WHERE user_id = own.user_id)"
        " AND NOT EXISTS (SELECT 1 FROM profiles_activation WHERE invitee_id = user_id) ORDER BY random() LIMIT %s",
        [CELEBRITY, count],
    )
    return [row[0] for row in rows]
