"""Hand-written statements about sending SMS, each with its reason."""

from datetime import datetime, timedelta
from typing import Any

from users import sql
from users.clock import DAY

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, %s))"


def lock_delivery(delivery_id: int) -> None:
    """Wait until no other transaction sends this SMS. By hand: the ORM has no advisory locks."""
    sql.execute(_LOCK, ["sms delivery", delivery_id])


_COUNT_FAILURE = """
INSERT INTO users_smsgateway AS gateway (name, failures, error, failed_at, skipped_until)
VALUES (%(name)s, %(failures)s, %(error)s, clock_timestamp(),
        CASE WHEN %(failures)s >= %(limit)s THEN clock_timestamp() + %(open_for)s END)
ON CONFLICT (name) DO UPDATE SET
    error = excluded.error,
    failed_at = excluded.failed_at,
    failures = CASE WHEN gateway.skipped_until IS NULL THEN gateway.failures + %(failures)s
                    ELSE gateway.failures END,
    skipped_until = CASE WHEN gateway.skipped_until IS NULL AND gateway.failures + %(failures)s >= %(limit)s
                         THEN clock_timestamp() + %(open_for)s ELSE gateway.skipped_until END
"""


def count_gateway_failure(name: str, error: str, failures: int, limit: int, open_for: timedelta) -> None:
    """Count this many failures of a gateway, and open its circuit at the `limit`-th in a row.

    Written by hand: many workers count at once, so it must be one conditional upsert.
    """
    values = {"name": name, "error": error, "failures": failures, "limit": limit, "open_for": open_for}
    sql.execute(_COUNT_FAILURE, values)


_BEGIN_TRY = """
UPDATE users_smsdelivery
   SET open_tries = jsonb_set(coalesce(open_tries, '{}'), ARRAY[%(gateway)s::text],
                              to_jsonb(coalesce((open_tries->>%(gateway)s)::int, 0) + 1))
 WHERE id = %(id)s AND state = 'queued' AND coalesce((open_tries->>%(gateway)s)::int, 0) < %(most)s
"""

_END_TRY = """
UPDATE users_smsdelivery
   SET open_tries = jsonb_set(open_tries, ARRAY[%(gateway)s::text],
                              to_jsonb(greatest((open_tries->>%(gateway)s)::int - 1, 0)))
 WHERE id = %(id)s AND open_tries ? %(gateway)s
"""


def begin_try(delivery_id: int, gateway: str, most: int) -> bool:
    """Count a try of this SMS at this gateway before it begins. False if `most` such tries have no outcome yet.

    By hand: it is the algorithm, one conditional update of a number in a JSON object.
    """
    return sql.execute(_BEGIN_TRY, {"id": delivery_id, "gateway": gateway, "most": most}) == 1


def end_try(delivery_id: int, gateway: str) -> None:
    """Take back a try whose outcome is known: the gateway did not take the SMS. By hand: see `begin_try`."""
    sql.execute(_END_TRY, {"id": delivery_id, "gateway": gateway})


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
