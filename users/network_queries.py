"""The counts behind the limits by network, see `users/login/networks.py`.

They are written by hand because the statement is the algorithm: one round trip answers for all networks of a client,
each list follows one index, and what ended long ago is summed once a minute.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from users import sql, widest_network
from users.clock import DAY, HOUR
from users.limit_queries import SMS_FOR_LIMITS, UNSENT
from users.login.codes import MAX_ATTEMPTS, OPEN_AT_MOST, SHORT, VALID_AFTER_UPDATE

# The code of an SMS or a challenge that was requested longer ago has ended: what counts of it stays as it is. A code is
# open for OPEN_AT_MOST, and valid for a while after its last send.
ENDED_AFTER = OPEN_AT_MOST + VALID_AFTER_UPDATE + timedelta(minutes=5)

# `OFFSET 0` keeps PostgreSQL from joining first: the locks are taken in the order of the list.
_LOCK = f"""
SELECT clock_timestamp(), counted_at, sms_in_a_day, is_suspect, people_a_day,
       COALESCE(verified_phones, 0), COALESCE(unused_sms, 0), COALESCE(short_weight, 0)
  FROM (SELECT {SMS_FOR_LIMITS.format(now="COALESCE(%(now)s, statement_timestamp())")} AS sms_in_a_day,
               (SELECT counted_at FROM users_sitetotals) AS counted_at,
               COALESCE((SELECT people_a_day FROM users_sitetotals), 0) AS people_a_day,
               EXISTS (SELECT 1 FROM users_sitetotals
                        WHERE suspect_countries ? %(country)s OR suspect_prefixes ? %(prefix)s) AS is_suspect) AS site
  LEFT JOIN (SELECT host(name::cidr)::inet AS first, masklen(name::cidr) AS length, number,
                    pg_advisory_xact_lock(hashtextextended('asking network', hashtext(name)))
               FROM unnest(%(names)s::text[]) WITH ORDINALITY AS given (name, number) OFFSET 0) AS locked ON true
  LEFT JOIN users_networktotals AS totals USING (first, length)
 ORDER BY number
"""  # noqa: S608


class SiteCounts(NamedTuple):
    """Of the whole site: SMS requested in 24 hours, whether the phone's country or prefix is suspect, people a day."""

    sms_in_a_day: int
    is_suspect: bool
    people_a_day: float


@dataclass(frozen=True)
class StoredCounts:
    """What a network's people did in 24 hours, as counted at the last full minute."""

    verified_phones: int
    unused_sms: int
    short_weight: int
    # `unused_sms` and `short_weight` are of what was requested before this time.
    through: datetime


def lock_and_count(
    networks: Sequence[Any], now: datetime | None, **values: Any
) -> tuple[datetime, SiteCounts, list[StoredCounts]]:
    """Wait, in this order, until no other transaction counts the requests of these networks (`ip_network`s).

    Returns `now`, or if it is None the database's time after the wait; what counts on the whole site, for a phone with
    this `country` and `prefix` and with SMS of the last minute counted up to `most`; and what is stored of each
    network. By hand: the ORM has no advisory locks. Those write nothing, and neither does a request that is refused.
    """
    values |= {"names": [str(network) for network in networks], "now": now, "day": DAY}
    rows = sql.fetch_all(_LOCK, values)
    time: datetime = now or max(row[0] for row in rows)
    _, counted_at, *site = rows[0][:5]
    return time, SiteCounts(*site), [_stored(time, counted_at, *row[5:]) for row in rows[: len(networks)]]


def _stored(now: datetime, counted_at: datetime | None, verified: int, unused: int, weight: int) -> StoredCounts:
    if counted_at is None or counted_at < now - DAY:
        return StoredCounts(0, 0, 0, through=now - DAY)
    return StoredCounts(verified, unused, weight, through=counted_at - ENDED_AFTER)


# The addresses are compared by `<<=`, for which PostgreSQL uses no index here. For BETWEEN it would use one that begins
# with the address, and read all requests of a /48 that are kept.
_COUNTS = f"""
SELECT sms.hour, sms.recent, sms.pending, sms.times[given.sends], challenge.hour, challenge.hopeful,
       challenge.times[given.challenges], challenge.phone_times[%(of_phone)s], challenge.short_weight
  FROM unnest(%(names)s::cidr[], %(sends)s::int[], %(challenges)s::int[])
       WITH ORDINALITY AS given (network, sends, challenges, number),
LATERAL (
    SELECT COUNT(*) FILTER (WHERE in_hour) AS hour, COUNT(*) FILTER (WHERE created_at > %(through)s) AS recent,
           COUNT(*) FILTER (WHERE in_hour AND expires_at > %(now)s) AS pending,
           array_agg(created_at ORDER BY created_at DESC) FILTER (WHERE in_hour) AS times
      FROM (SELECT delivery.created_at, code.expires_at, delivery.created_at > %(now)s - %(hour)s AS in_hour
              FROM users_smsdelivery AS delivery
              JOIN users_logincode AS code ON code.id = delivery.login_code_id AND code.used_at IS NULL
             WHERE {widest_network.of("delivery.asked_from")} = {widest_network.of("given.network")}
               AND asked_from <<= given.network AND delivery.created_at > %(since)s
               AND NOT {UNSENT} OFFSET 0) AS unused
) AS sms, LATERAL (
    SELECT COUNT(*) FILTER (WHERE in_hour) AS hour, COUNT(*) FILTER (WHERE in_hour AND is_hopeful) AS hopeful,
           array_agg(created_at ORDER BY created_at DESC) FILTER (WHERE in_hour) AS times,
           array_agg(created_at ORDER BY created_at DESC) FILTER (WHERE in_hour AND of_phone) AS phone_times,
           COALESCE(SUM(weight) FILTER (WHERE created_at > %(through)s), 0) AS short_weight
      FROM (SELECT challenge.created_at, challenge.created_at > %(now)s - %(hour)s AS in_hour,
                   code.expires_at > %(now)s OR code.used_at > %(now)s - %(recount)s AS is_hopeful,
                   code.user_id = (SELECT id FROM users_user WHERE phone = %(phone)s) AS of_phone,
                   CASE WHEN code.digits <> {SHORT} THEN 0
                        WHEN challenge.session_id IS NOT NULL THEN challenge.attempts_by_phone
                        WHEN code.expires_at > %(now)s THEN {MAX_ATTEMPTS} ELSE challenge.attempts END AS weight
              FROM users_challenge AS challenge
              JOIN users_logincode AS code ON code.id = challenge.login_code_id AND code.device_id IS NULL
             WHERE {widest_network.of("challenge.address")} = {widest_network.of("given.network")}
               AND challenge.address <<= given.network AND challenge.created_at > %(since)s
            OFFSET 0) AS requested
) AS challenge
 ORDER BY number
"""  # noqa: S608


@dataclass(frozen=True)
class LiveCounts:
    """What a network's people did lately. Times are when the SMS or challenge that reached a limit was requested."""

    # SMS whose code was not used: of an hour, those since `through`, and those of the hour whose code is still valid.
    sms: int
    recent_sms: int
    pending_sms: int
    limiting_sms: datetime | None
    # Challenges of an hour, and those whose phone may be counted as verified within a minute or two.
    challenges: int
    hopeful_challenges: int
    limiting_challenge: datetime | None
    limiting_of_phone: datetime | None
    # The risk weight of short codes since `through`.
    recent_weight: int


def live_counts(networks: Sequence[Any], now: datetime, **values: Any) -> list[LiveCounts]:
    """Count for each of these networks (`ip_network`s).

    `sends` and `challenges` are the limits of each, `of_phone` that of challenges for this `phone`. `through` is that
    of StoredCounts, and `recount` the time in which used codes are counted as verified phones.
    """
    values |= {"names": [str(network) for network in networks], "now": now, "hour": HOUR}
    values |= {"since": min(values["through"], now - HOUR)}
    return [LiveCounts(*row) for row in sql.fetch_all(_COUNTS, values)]


_STORE = f"""
WITH verified AS (
    SELECT challenge.address, code.user_id FROM users_logincode AS code
      JOIN users_challenge AS challenge ON challenge.login_code_id = code.id AND challenge.session_id IS NOT NULL
      JOIN users_user ON users_user.id = code.user_id AND NOT users_user.is_test
     WHERE code.device_id IS NULL AND code.used_at > %(now)s - %(day)s AND code.used_at <= %(now)s
       AND code.created_at > %(now)s - %(day)s - %(ended)s AND challenge.address IS NOT NULL
), unused AS (
    SELECT delivery.asked_from AS address FROM users_smsdelivery AS delivery
      JOIN users_logincode AS code ON code.id = delivery.login_code_id AND code.used_at IS NULL
       AND code.created_at > %(now)s - %(day)s - %(ended)s
     WHERE delivery.created_at > %(now)s - %(day)s AND delivery.created_at <= %(now)s - %(ended)s
       AND delivery.asked_from IS NOT NULL AND NOT {UNSENT}
), guessed AS (
    SELECT challenge.address, CASE WHEN challenge.session_id IS NULL THEN challenge.attempts
                                   ELSE challenge.attempts_by_phone END AS attempts
      FROM users_logincode AS code
      JOIN users_challenge AS challenge ON challenge.login_code_id = code.id
     WHERE code.digits = {SHORT} AND code.device_id IS NULL AND code.wrong > 0
       AND code.expires_at > %(now)s - %(day)s AND code.expires_at <= %(now)s AND challenge.attempts > 0
       AND challenge.created_at <= %(now)s - %(ended)s AND challenge.address IS NOT NULL
), counted AS (
    SELECT address, user_id, 0 AS unused, 0 AS weight FROM verified
     UNION ALL SELECT address, NULL, 1, 0 FROM unused UNION ALL SELECT address, NULL, 0, attempts FROM guessed
), totals AS (
    SELECT host(network(set_masklen(address, length)))::inet AS first, length,
           COUNT(DISTINCT user_id) AS verified_phones, SUM(unused) AS unused_sms, SUM(weight) AS short_weight
      FROM counted JOIN (VALUES (4, 32), (6, 64), (6, 56), (6, 48)) AS of (family, length) ON family = family(address)
     GROUP BY 1, 2
), gone AS (
    DELETE FROM users_networktotals AS stored
     WHERE NOT EXISTS (SELECT 1 FROM totals WHERE (totals.first, totals.length) = (stored.first, stored.length))
)
INSERT INTO users_networktotals AS stored (first, length, verified_phones, unused_sms, short_weight)
SELECT first, length, verified_phones, unused_sms, short_weight FROM totals
ON CONFLICT (first, length) DO UPDATE SET
    verified_phones = excluded.verified_phones, unused_sms = excluded.unused_sms, short_weight = excluded.short_weight
 WHERE (stored.verified_phones, stored.unused_sms, stored.short_weight)
    IS DISTINCT FROM (excluded.verified_phones, excluded.unused_sms, excluded.short_weight)
"""  # noqa: S608


def store_totals(now: datetime) -> None:
    """Count all networks of 24 hours. Only rows that change are written. Call it with `SiteTotals.counted_at` set."""
    sql.execute(_STORE, {"now": now, "day": DAY, "ended": ENDED_AFTER})
