"""Hand-written statements about sending SMS, each with its reason."""

import json
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from users import sql
from users.clock import DAY, HOUR
from users.models import LoginCode, User
from users.queries import database_now
from users.sms.turns import DUE

# What the workers listen to.
CHANNEL = "inviting_app_sms"

_COUNT_FAILURE = """
INSERT INTO users_smsgateway AS gateway (name, failures, error, failed_at, skipped_until)
VALUES (%(name)s, %(failures)s, %(error)s, %(now)s, CASE WHEN %(failures)s >= %(limit)s THEN %(until)s::timestamptz END)
ON CONFLICT (name) DO UPDATE SET
    error = excluded.error,
    failed_at = excluded.failed_at,
    failures = CASE WHEN gateway.skipped_until IS NULL THEN gateway.failures + %(failures)s
                    ELSE gateway.failures END,
    skipped_until = CASE WHEN gateway.skipped_until IS NULL AND gateway.failures + %(failures)s >= %(limit)s
                         THEN %(until)s ELSE gateway.skipped_until END
"""


def count_gateway_failure(name: str, error: str, failures: int, limit: int, open_for: timedelta) -> None:
    """Count this many failures of a gateway, and open its circuit at the `limit`-th in a row.

    Written by hand: many workers count at once, so it must be one conditional upsert.
    """
    now = database_now()
    values = {"name": name, "error": error, "failures": failures, "limit": limit, "now": now, "until": now + open_for}
    sql.execute(_COUNT_FAILURE, values)


_COUNT_REFUSAL = """
INSERT INTO users_smsgateway AS gateway (name, failures, refusals, error, failed_at)
VALUES (%(name)s, 0, 1, %(error)s, statement_timestamp())
ON CONFLICT (name) DO UPDATE SET
    refusals = gateway.refusals + 1,
    error = CASE WHEN gateway.failures = 0 THEN excluded.error ELSE gateway.error END,
    failed_at = CASE WHEN gateway.failures = 0 THEN excluded.failed_at ELSE gateway.failed_at END
"""


def count_gateway_refusal(name: str, error: str) -> None:
    """Count an SMS that a gateway refused. What is said of its failures stays. By hand, as `count_gateway_failure`."""
    sql.execute(_COUNT_REFUSAL, {"name": name, "error": error})


# How long sending a notice is tried: its code is used, so that has no time left.
NOTICE_FOR = HOUR

# `next_try_at` says when an SMS is due and, while it is claimed, when the claim ends. So the SMS of a dead worker is
# due again after CLAIM_FOR (12 seconds), for any worker. The same statement counts the try, so it is known whatever
# happens to the worker. The SMS of a code that has ended is not sent: it is `failed` if gateways were tried until the
# code expired, and `dropped` otherwise.
_CLAIM = f"""{DUE}
UPDATE users_smsdelivery AS sms
   SET state = judged.state,
       finished_at = CASE WHEN judged.state <> 'queued' THEN statement_timestamp() END,
       notice_phone = CASE WHEN judged.state = 'queued' THEN due.notice_phone END,
       next_try_at = statement_timestamp() + %(claim)s::interval,
       open_tries = CASE WHEN judged.state = 'queued' AND %(gateway)s::text IS NOT NULL AND due.tries < %(most)s
                         THEN jsonb_set(coalesce(due.open_tries, '{{}}'), ARRAY[%(gateway)s::text],
                                        to_jsonb(due.tries + 1))
                         ELSE due.open_tries END
  FROM due
  JOIN users_logincode AS code ON code.id = due.login_code_id
  JOIN users_user AS person ON person.id = code.user_id
 CROSS JOIN LATERAL (
    SELECT CASE WHEN due.notice_phone IS NOT NULL AND due.created_at > statement_timestamp() - %(notice)s::interval
                THEN 'queued'
                WHEN due.notice_phone IS NOT NULL AND due.error <> '' THEN 'failed'
                WHEN code.used_at IS NOT NULL OR person.phone IS NULL THEN 'dropped'
                WHEN code.expires_at > statement_timestamp() THEN 'queued'
                WHEN due.error = '' THEN 'dropped'
                ELSE 'failed' END AS state
 ) AS judged
 WHERE sms.id = due.id
RETURNING {sql.columns(LoginCode, "code")}, {sql.columns(User, "person")}, sms.id, sms.next_try_at, sms.open_tries,
          sms.error, sms.failed_rounds, sms.request_id, sms.notice_phone, sms.state, due.tries
"""  # noqa: S608

# The user's columns follow those of the code.
_CODE_COLUMNS = len(LoginCode._meta.concrete_fields)


class Claimed(NamedTuple):
    """An SMS that this worker may send until `until`."""

    code: LoginCode
    id: int
    until: datetime
    # Tries whose outcomes are not known, by gateway, with the one that the claim counted.
    open_tries: dict[str, int]
    error: str
    failed_rounds: int
    request_id: str
    # The phone that a notice goes to. None: it is the SMS with the code.
    notice_phone: str | None
    # Whether the code still counts. If not, the SMS is finished.
    is_queued: bool
    # Whether a try of the gateway was counted.
    is_counted: bool


def claim(limit: int, gateway: str | None, most: int, claim_for: timedelta) -> list[Claimed]:
    """Claim SMS that are due, with the codes and users: no other worker gets them for `claim_for`.

    A try of `gateway` is counted for each, unless `most` such tries have no outcome yet. By hand: it is the algorithm,
    one statement that locks, counts and reads for all of them. SKIP LOCKED lets many workers claim at once.
    """
    values = {"limit": limit, "gateway": gateway, "most": most, "claim": claim_for, "notice": NOTICE_FOR}
    return [_claimed(row, gateway, most) for row in sql.fetch_all(_CLAIM, values)]


def _claimed(row: sql.Row, gateway: str | None, most: int) -> Claimed:
    code = sql.instance(LoginCode, row)
    code.user = sql.instance(User, row[_CODE_COLUMNS:])
    *_, sms_id, until, open_tries, error, rounds, request_id, notice_phone, state, tries = row
    is_counted = gateway is not None and tries < most
    open_tries, is_queued = json.loads(open_tries or "{}"), state == "queued"
    return Claimed(code, sms_id, until, open_tries, error, rounds, request_id, notice_phone, is_queued, is_counted)


# A success is recorded whoever has claimed the SMS meanwhile. Anything else counts only while the claim lives.
# An erasure empties the address: then the gateway's name for the SMS is not stored either.
_IS_LIVE = """sms.notice_phone IS NOT NULL AND sms.created_at > statement_timestamp() - %(notice)s::interval
              OR code.used_at IS NULL AND code.expires_at > statement_timestamp() AND person.phone IS NOT NULL"""
_RECORD = f"""
WITH change AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(%(changes)s::jsonb) AS change (
        id bigint, code bigint, until timestamptz, state text, gateway text, reference text, error text,
        open_tries jsonb, failed_rounds int, wait float8)
), free AS MATERIALIZED (
    SELECT change.* FROM change JOIN users_smsdelivery AS sms ON sms.id = change.id
     WHERE sms.state = 'queued' AND (change.state = 'sent' OR sms.next_try_at = change.until)
       FOR NO KEY UPDATE OF sms SKIP LOCKED
), recorded AS (
    UPDATE users_smsdelivery AS sms
       SET state = free.state, gateway = free.gateway, error = free.error, open_tries = free.open_tries,
           gateway_ref = CASE WHEN sms.address <> '' THEN free.reference ELSE '' END,
           failed_rounds = free.failed_rounds,
           notice_phone = CASE WHEN free.state = 'queued' THEN sms.notice_phone END,
           next_try_at = statement_timestamp()
                       + CASE WHEN {_IS_LIVE} THEN make_interval(secs => free.wait) ELSE '0' END,
           finished_at = CASE WHEN free.state <> 'queued' THEN statement_timestamp() END
      FROM free
      JOIN users_logincode AS code ON code.id = free.code
      JOIN users_user AS person ON person.id = code.user_id
     WHERE sms.id = free.id
    RETURNING sms.id, sms.next_try_at, {_IS_LIVE} AS is_live
)
SELECT sms.id, recorded.next_try_at, recorded.is_live
  FROM change JOIN users_smsdelivery AS sms ON sms.id = change.id LEFT JOIN recorded ON recorded.id = sms.id
 WHERE sms.state = 'queued' AND (change.state = 'sent' OR sms.next_try_at = change.until)
"""  # noqa: S608


class Recorded(NamedTuple):
    """What became of the changes."""

    # By id of an SMS that may go on being sent: when its claim ends. The claim and the code are still live.
    live: dict[int, datetime]
    # The ids of those whose rows were locked. They are to be recorded again.
    locked: set[int]


def record(changes: list[dict[str, Any]]) -> Recorded:
    """Record what became of claimed SMS, except of those whose rows other transactions have locked.

    To wait for these would hold up the others, whose claims would end meanwhile. By hand: one conditional statement for
    all of them.
    """
    rows = sql.fetch_all(_RECORD, {"changes": json.dumps(changes), "notice": NOTICE_FOR})
    return Recorded(
        {sms_id: until for sms_id, until, is_live in rows if is_live},
        {sms_id for sms_id, until, _ in rows if until is None},
    )


_QUEUE_SMS_OF_OLD_JOB = """
UPDATE users_smsdelivery SET next_try_at = statement_timestamp(), request_id = %(request)s
 WHERE id = %(id)s AND state = 'queued' AND next_try_at IS NULL
"""


def queue_sms_of_old_job(delivery_id: int, request: str) -> None:
    """Have an SMS wait in its row, if a process of an earlier version queued it as a job.

    Only this job does so. Workers of both versions can run at once: procrastinate gives the job to one of them.
    """
    sql.execute(_QUEUE_SMS_OF_OLD_JOB, {"id": delivery_id, "request": request[:64]})


def listen(using: str) -> None:
    """Hear of new SMS on the connection with this alias. By hand: the ORM has no LISTEN."""
    sql.execute(f"LISTEN {CHANNEL}", [], using)


def announce() -> None:
    """Wake the workers. By hand: the ORM has no NOTIFY.

    In autocommit mode, after the commit of what it is about: a NOTIFY inside a transaction makes its COMMIT hold a lock
    of the whole database while the log is flushed, so that sign-ups would commit one after another.
    """
    sql.execute(f"NOTIFY {CHANNEL}", [])


# A gateway without any receipt says nothing about what arrives. The numbers of erased users have no prefix left.
_ARRIVALS = """
WITH sms AS (
    SELECT gateway, CASE WHEN prefix <> '' THEN left(prefix, -%(rest)s) END AS prefix, delivered_at,
           undelivered <> '' AS failed, extract(epoch FROM delivered_at - finished_at) AS seconds
      FROM users_smsdelivery
     WHERE created_at > %(now)s - %(day)s AND created_at <= %(now)s - %(settled)s AND state = 'sent'
), judged AS (
    SELECT gateway FROM sms GROUP BY gateway HAVING bool_or(delivered_at IS NOT NULL OR failed)
), arrival AS (
    SELECT gateway, coalesce(prefix, '') AS prefix, grouping(prefix) = 1 AS is_total, count(*) AS accepted,
           count(delivered_at) AS delivered,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY greatest(seconds, 0))
               FILTER (WHERE delivered_at IS NOT NULL) AS seconds
      FROM sms JOIN judged USING (gateway)
     GROUP BY GROUPING SETS ((gateway), (gateway, prefix))
)
SELECT gateway, prefix, accepted, delivered, seconds::float
  FROM arrival WHERE is_total OR prefix <> '' AND (accepted >= %(enough)s OR accepted >= %(silent)s AND delivered = 0)
 ORDER BY is_total DESC, (delivered = 0) DESC, accepted DESC, gateway, prefix LIMIT %(limit)s
"""


def arrivals(now: datetime, **values: Any) -> list[sql.Row]:
    """How many SMS of a day arrived: gateway, prefix, accepted, delivered and the median of the seconds that it took.

    First all SMS of each gateway, with an empty prefix, then its prefixes: those without any delivery first, then those
    with most SMS. By hand: the ORM has neither grouping sets nor ordered-set aggregates.
    """
    return sql.fetch_all(_ARRIVALS, {"now": now, "day": DAY, **values})
