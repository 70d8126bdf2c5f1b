"""The database of a service after two years, made in seconds: rows in every table that grows."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

# The tables that grow with the number of users or with time.
GROWING = {
    "axes_accessattempt",
    "django_admin_log",
    "django_session",
    "procrastinate_events",
    "procrastinate_jobs",
    "profiles_activation",
    "profiles_miss",
    "profiles_profile",
    "profiles_result",
    "profiles_webhookdelivery",
    "users_challenge",
    "users_device",
    "users_logincode",
    "users_smsdelivery",
    "users_user",
}

# User n of 1 to {size} signed up at an even pace. Number 1 is the celebrity, chosen by one in five; the others were
# chosen by one each, but one in ten chose nobody. The next five are operators. Of a hundred, one is erased, one
# disabled, five never proved their phone. The last five SMS gave no sign-in yet; one code in fifty was guessed at.
_ROWS = """
INSERT INTO users_user (id, phone, is_staff, is_active, created_at, verified_at, last_login, erased_at)
SELECT n, CASE WHEN n % 100 <> 50 THEN '+7' || (9000000000 + n) END, n BETWEEN 2 AND 6, n % 100 NOT IN (50, 51),
       born, CASE WHEN n % 20 <> 7 THEN born END, born, CASE WHEN n % 100 = 50 THEN born END
  FROM generate_series(1, {size}) AS n, LATERAL (SELECT now() - interval '2 years' * (1 - n / {size}.0) AS born) AS at;

INSERT INTO profiles_profile (user_id, invite_code, created_at, invitations_count)
SELECT id, translate(upper(lpad(to_hex(id), 6, '0')), '01', 'GH'), created_at,
       CASE WHEN id = 1 THEN {size} / 5 WHEN id < {size} * 7 / 10 THEN 1 ELSE 0 END
  FROM users_user;

INSERT INTO profiles_activation (invitee_id, inviter_id, created_at)
SELECT id, CASE WHEN id % 5 = 0 THEN 1 ELSE id * 7 / 10 END, created_at + interval '1 minute'
  FROM users_user WHERE id > 4 AND id % 10 <> 3;

INSERT INTO profiles_result (id, place, invite_code, votes)
SELECT user_id, user_id, invite_code, invitations_count FROM profiles_profile;

INSERT INTO users_device (id, user_id, user_agent, created_at, session_id, signed_in_at, refreshed_at, refresh_jti,
                          trust_nonce, trust_hash, trusted_until)
SELECT id, id, 'Browser/1.0', created_at, lpad(id::text, 32, '0')::uuid, at, at, gen_random_uuid(), '\\x00',
       CASE WHEN id % 4 <> 0 THEN sha256(id::text::bytea) END, CASE WHEN id % 4 <> 0 THEN at + interval '180 days' END
  FROM users_user, LATERAL (SELECT now() - interval '60 days' * (1 - id / {size}.0) AS at) AS signed_in;

INSERT INTO users_logincode (id, user_id, device_id, digits, nonce, language, challenges, wrong,
                             created_at, sent_at, open_until, expires_at, closed_at, used_at)
SELECT n, n, CASE WHEN n % 4 = 1 THEN n END, CASE WHEN n % 10 = 0 THEN 10 ELSE 4 END, '\\x00', 'en', 1,
       (n % 50 = 0)::int, at, at, at + interval '5 minutes',
       CASE WHEN used THEN at + interval '20 s' ELSE at + interval '5 minutes' END,
       CASE WHEN used THEN at + interval '20 s' END, CASE WHEN used THEN at + interval '20 s' END
  FROM generate_series(1, {size}) AS n,
       LATERAL (SELECT now() - interval '31 days' * (1 - n / {size}.0) AS at,
                       n % 20 <> 7 AND n <= {size} - 5 AS used) AS sent;

INSERT INTO users_challenge (id, public_id, login_code_id, address, attempts, created_at)
SELECT id, lpad(id::text, 22, '0'), id,
       CASE WHEN id > {size} / 31 THEN '10.0.0.0'::inet + id % 60000 END, 1, created_at
  FROM users_logincode WHERE digits = 4 OR created_at > now() - interval '1 day';

INSERT INTO users_smsdelivery (id, login_code_id, channel, gateway, gateway_ref, state, address, country, prefix, error,
                               asked_from, created_at, finished_at, delivered_at)
SELECT id, id, 'sms', '1 webhook', 'ref-' || id, CASE WHEN id % 50 = 0 THEN 'failed' ELSE 'sent' END,
       '+7***' || 1000 + id % 9000, 'RU', '+7' || 900000 + id / 10000, '',
       CASE WHEN id > {size} / 31 THEN '10.0.0.0'::inet + id % 60000 END,
       created_at, created_at, CASE WHEN id % 20 <> 7 AND id < {size} THEN created_at + interval '3 s' END
  FROM users_logincode;

UPDATE users_smsdelivery
   SET state = 'queued', next_try_at = now() + interval '1 minute' * (id % 3 - 1), failed_rounds = 1
 WHERE id > {size} * 0.9;

INSERT INTO profiles_miss (id, user_id, created_at)
SELECT n, n, now() - interval '24 hours' * (1 - n / {size}.0) FROM generate_series(1, {size}) AS n;

INSERT INTO procrastinate_jobs (id, queue_name, task_name, status, args, attempts, priority, scheduled_at)
SELECT n, 'sms', 'users.tasks.send_sms', CASE WHEN n % 50 = 0 THEN 'todo' ELSE 'failed' END::procrastinate_job_status,
       jsonb_build_object('delivery_id', n), 1, 0, CASE WHEN n % 100 = 0 THEN now() + interval '1 minute' END
  FROM generate_series(1, {size}) AS n;

INSERT INTO procrastinate_events (id, job_id, type, at)
SELECT id, id, CASE WHEN status = 'todo' THEN 'deferred' ELSE 'failed' END::procrastinate_job_event_type,
       now() - interval '7 days' * (1 - id / {size}.0)
  FROM procrastinate_jobs;

INSERT INTO django_admin_log (id, user_id, content_type_id, object_id, object_repr, action_flag, change_message,
                              action_time)
SELECT n, 2 + n % 5, type.id, n, '+7***' || 1000 + n % 9000, 2, '', now() - interval '2 years' * (1 - n / {size}.0)
  FROM generate_series(1, {size}) AS n, django_content_type AS type
 WHERE type.app_label = 'users' AND type.model = 'user';

INSERT INTO django_session (session_key, session_data, expire_date)
SELECT lpad(n::text, 32, '0'), '', now() + interval '14 days' * (n / {size}.0) FROM generate_series(1, {size}) AS n;

INSERT INTO axes_accessattempt (id, user_agent, ip_address, username, http_accept, path_info, attempt_time, get_data,
                                post_data, failures_since_start)
SELECT n, '', '10.0.0.0'::inet + n % 60000, lpad(n::text, 64, '0'), '', '',
       now() - interval '29 minutes' * (1 - n / {size}.0), '', '', 1
  FROM generate_series(1, {size}) AS n;

DELETE FROM profiles_webhookendpoint;

INSERT INTO profiles_webhookendpoint (id, url, events, nonce, is_enabled, disabled_reason, error)
SELECT n, 'https://receiver.example.org/', '{{user.verified,user.erased,activation.created,activation.released}}',
       gen_random_uuid(), n < 3, CASE WHEN n = 3 THEN 'moves' ELSE '' END, ''
  FROM generate_series(1, 3) AS n;

INSERT INTO profiles_webhookdelivery (id, endpoint_id, kind, user_id, data, created_at, state, finished_at)
SELECT n, 1 + n % 3, 'user.verified', n, '{{}}', at, state, CASE WHEN state <> 'queued' THEN at END
  FROM generate_series(1, {size}) AS n, LATERAL (SELECT now() - interval '14 days' * (1 - n / {size}.0) AS at,
       CASE WHEN n % 100 = 1 OR n > {size} - 50 THEN 'queued' WHEN n % 50 = 2 THEN 'failed' ELSE 'delivered' END
       AS state) AS sent;
"""

_WITH_NUMBERS = (
    "users_user",
    "users_device",
    "users_logincode",
    "users_challenge",
    "users_smsdelivery",
    "profiles_miss",
    "profiles_result",
    "profiles_webhookdelivery",
    "procrastinate_jobs",
    "procrastinate_events",
    "django_admin_log",
    "axes_accessattempt",
)


_INDEXES = """
SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
 WHERE indrelid::regclass::text = ANY(%s) AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
"""


def grow(size: int) -> None:
    """Fill these tables as with this many users, and update PostgreSQL's statistics."""
    tables = ", ".join(GROWING)
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {tables} CASCADE")
        cursor.execute("SET session_replication_role = replica")  # no triggers and foreign keys: what is written fits
        cursor.execute(_INDEXES, [list(GROWING)])
        indexes = cursor.fetchall()  # faster to build at the end than to maintain meanwhile
        for name, _ in indexes:
            cursor.execute(f"DROP INDEX {name}")
        for statement in _ROWS.format(size=size).split(";\n"):
            cursor.execute(statement)
        for _, definition in indexes:
            cursor.execute(definition)
        for table in _WITH_NUMBERS:
            cursor.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)", [table, size])
        cursor.execute("RESET session_replication_role")
        cursor.execute(f"ANALYZE {tables}")


@contextmanager
def grown_database(users: int, blocker: Any) -> Iterator[None]:
    """A separate database, so that the rows do not leave empty space in the tables of other tests."""
    name = connection.settings_dict["NAME"]
    with blocker.unblock():
        connection.close()
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}_grown TEMPLATE {name}")
        connection.settings_dict["NAME"] = f"{name}_grown"
        grow(users)
    yield
    with blocker.unblock():
        connection.close()
        connection.settings_dict["NAME"] = name
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name}_grown")
