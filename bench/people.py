"""A service full of people, for measurements: who they are, who chose whom, their tokens, and codes to sign in with.

    fill(database)                         a million people, 900,000 votes, 200,000 of them for person CELEBRITY
    tokens(data, spread(people, 10_000))   access tokens of 10,000 of them
    challenges(database, data, 5_000)      codes for 5,000 sign-ins
    not_voted(database, 5_000)             people who can still vote

Who somebody is follows from their id, 1 to `people`. `data` is the service's DATA_DIR: its keys sign.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jwt
import psycopg

from users.keys import hkdf_sha256
from users.login import codes

CELEBRITY = 1
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
CODES = 31**6
# Coprime to CODES, so that no two people have the same invite code.
MULTIPLIER = 334_214_467

Connection = psycopg.Connection[Any]

_FILL = """
SET LOCAL session_replication_role = replica;
SET LOCAL work_mem = '256MB';
SELECT setseed(0.5);

-- How many votes each gets: log-normal, but for the celebrity. Rounding the running total keeps the sum exact.
CREATE TEMP TABLE won ON COMMIT DROP AS
WITH weights AS MATERIALIZED (SELECT id, exp(1.5 * random_normal()) AS weight FROM generate_series(2, {people}) AS id),
     totals AS (SELECT id, round(sum(weight) OVER (ORDER BY id) / sum(weight) OVER () * {others})::int AS total
                  FROM weights)
SELECT id, total - lag(total, 1, 0) OVER (ORDER BY id) AS votes FROM totals
UNION ALL SELECT {celebrity_id}, {celebrity};

-- Who votes: all but the celebrity in a random order. Whoever met themselves there chooses their neighbour.
CREATE TEMP TABLE vote ON COMMIT DROP AS
WITH ballots AS (SELECT id, row_number() OVER () AS n FROM won, generate_series(1, votes)),
     voters AS (SELECT id, row_number() OVER (ORDER BY random()) AS n FROM generate_series(2, {people}) AS id)
SELECT voters.id AS invitee, CASE WHEN voters.id <> ballots.id THEN ballots.id
                                  WHEN voters.id < {people} THEN voters.id + 1 ELSE 2 END AS inviter
  FROM ballots JOIN voters USING (n);

-- People came at an even pace for two years.
INSERT INTO users_user (id, phone, created_at, verified_at, last_login)
SELECT id, '+7' || 9000000000 + id, at, at + interval '20 s', at + interval '20 s'
  FROM generate_series(1, {people}) AS id,
       LATERAL (SELECT now() - interval '2 years' * (1 - id / ({people} + 1.0))) AS came(at);

-- One device each, lately refreshed.
INSERT INTO users_device (user_id, user_agent, created_at, session_id, signed_in_at, refreshed_at, refresh_jti,
                          trust_nonce)
SELECT id, 'App/1.0 (Android 16)', created_at, md5(id::text)::uuid, now() - interval '1 hour', now(),
       gen_random_uuid(), uuid_send(md5(id::text)::uuid)
  FROM users_user ORDER BY id;

INSERT INTO profiles_profile (user_id, invite_code, invitations_count, created_at)
SELECT id, {invite_code}, coalesce(votes, 0), created_at
  FROM users_user
  LEFT JOIN (SELECT inviter AS id, count(*) AS votes FROM vote GROUP BY inviter) AS counted USING (id),
       LATERAL (SELECT id * {multiplier} % {codes}) AS multiplied(number)
 ORDER BY id;

-- Each vote some time after both had come; stored in the order in which they were given.
INSERT INTO profiles_activation (invitee_id, inviter_id, created_at)
SELECT invitee, inviter, later + random() * (now() - later)
  FROM vote JOIN users_user AS a ON a.id = invitee JOIN users_user AS b ON b.id = inviter,
       LATERAL (SELECT greatest(a.created_at, b.created_at)) AS both_there(later)
 ORDER BY 3;

SELECT setval(pg_get_serial_sequence('users_user', 'id'), {people}),
       setval(pg_get_serial_sequence('users_device', 'id'), {people})
"""


def fill(
    database: Connection, people: int = 1_000_000, activations: int | None = None, celebrity: int | None = None
) -> None:
    """Fill the migrated and empty database of a service, and commit.

    Nine of ten people have voted, and two of ten for the celebrity, unless told otherwise. Needs a superuser: foreign
    keys are not checked on the way. Every other constraint and all indexes are.
    """
    activations = people * 9 // 10 if activations is None else activations
    celebrity = activations * 2 // 9 if celebrity is None else celebrity
    assert celebrity <= activations < people < CODES
    digits = [f"substr('{ALPHABET}', (number / {31**place} % 31)::int + 1, 1)" for place in range(6)]
    script = _FILL.format(
        people=people, others=activations - celebrity, celebrity=celebrity, celebrity_id=CELEBRITY, codes=CODES,
        multiplier=f"{MULTIPLIER}::bigint", invite_code=" || ".join(digits),
    )  # fmt: skip
    database.commit()
    with database.transaction():
        for statement in script.split(";\n"):
            database.execute(statement)
    autocommit, database.autocommit = database.autocommit, True
    database.execute("VACUUM ANALYZE")
    database.execute("CHECKPOINT")
    database.autocommit = autocommit


def spread(people: int, count: int) -> range:
    """The ids of `count` of all `people`, at even distances, without the celebrity."""
    count = min(count, people - 1)
    step = (people - 1) // count
    return range(2, 2 + step * count, step)


def phone(person: int) -> str:
    return f"+7{9_000_000_000 + person}"


def session_id(person: int) -> uuid.UUID:
    """Of the one device that fill() gives a person."""
    return uuid.UUID(hashlib.md5(str(person).encode(), usedforsecurity=False).hexdigest())


def invite_code(person: int) -> str:
    number = person * MULTIPLIER % CODES
    return "".join(ALPHABET[number // 31**place % 31] for place in range(6))


def token_key(data: Path) -> bytes:
    """What access tokens of the service with this DATA_DIR are signed with."""
    return hkdf_sha256(_secret(data), b"token")


def tokens(data: Path, people: Iterable[int]) -> list[str]:
    """An access token for each, valid for ten minutes."""
    key = token_key(data)
    claims = {"iss": "inviting_app", "aud": "inviting_app:api", "typ": "access", "exp": int(time.time()) + 600}
    return [
        jwt.encode({**claims, "jti": uuid.uuid4().hex, "sub": str(person), "sid": session_id(person).hex}, key, "HS256")
        for person in people
    ]


_NEVER_ASKED = """
SELECT id FROM users_user WHERE NOT EXISTS (SELECT 1 FROM users_logincode WHERE user_id = users_user.id)
 ORDER BY random() LIMIT %s
"""
_CODES = """
INSERT INTO users_logincode (user_id, digits, nonce, language, challenges, wrong, created_at, sent_at, open_until,
                             expires_at)
SELECT user_id, %s, nonce, 'en', 1, 0, now(), now(), now() + interval '5 min', now() + interval '5 min'
  FROM unnest(%s::bigint[], %s::bytea[]) AS given(user_id, nonce)
RETURNING id
"""
_CHALLENGES = """
INSERT INTO users_challenge (public_id, login_code_id, address, attempts, created_at)
SELECT public_id, login_code_id, %s, 0, now()
  FROM unnest(%s::text[], %s::bigint[]) AS given(public_id, login_code_id)
"""


def challenges(database: Connection, data: Path, count: int, address: str = "127.0.0.1") -> list[tuple[str, str]]:
    """(challenge_id, code) for so many sign-ins of different people who were never sent a code; good for 5 minutes."""
    key = hkdf_sha256(_secret(data), b"code")
    with database.transaction():
        people = [row[0] for row in database.execute(_NEVER_ASKED, [count])]
        assert len(people) == count, "too few people are left who were never sent a code"
        nonces = [codes.new_nonce() for _ in people]
        ids = [row[0] for row in database.execute(_CODES, [codes.SHORT, people, nonces])]
        public_ids = [secrets.token_urlsafe(16) for _ in ids]
        database.execute(_CHALLENGES, [address, public_ids, ids])
    return [(public_id, _code(key, nonce)) for public_id, nonce in zip(public_ids, nonces, strict=True)]


def not_voted(database: Connection, count: int) -> list[int]:
    """So many random people, not the celebrity, who have not voted yet."""
    rows = database.execute(
        "SELECT user_id FROM profiles_profile AS own WHERE user_id <> %s"
        " AND EXISTS (SELECT 1 FROM users_device WHERE user_id = own.user_id)"
        " AND NOT EXISTS (SELECT 1 FROM profiles_activation WHERE invitee_id = user_id) ORDER BY random() LIMIT %s",
        [CELEBRITY, count],
    ).fetchall()
    assert len(rows) == count, "too few people are left who have not voted"
    return [row[0] for row in rows]


def _secret(data: Path) -> bytes:
    return (data / "secret_key").read_text().strip().encode()


def _code(key: bytes, nonce: bytes) -> str:
    """As users.login.codes.derive, but with a key of another service than this process's."""
    return str(int.from_bytes(hmac.digest(key, nonce, "sha256")) % 10**codes.SHORT).zfill(codes.SHORT)
