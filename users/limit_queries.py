"""The sums and counts behind the limits of sign-in: risk weights and SMS cost limits.

They are written by hand because the statement is the algorithm: each sum stops at its limit, follows one partial index
and answers all questions of one sign-up in one round trip. `users/login/risk.py` proves what they bound.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from users import sql, widest_network
from users.clock import DAY, HOUR, MONTH
from users.login.codes import LONG, OPEN_AT_MOST, SHORT
from users.models import LoginCode
from users.sms.answers import OF_ONE_SMS, Reason

# The risk weight of one track's short codes, in 24 hours and in 30 days.
_TRACK = """
SELECT COALESCE(SUM(weight) FILTER (WHERE expires_at > %(now)s - %(day)s), 0) AS day,
       COALESCE(SUM(weight), 0) AS month
  FROM (SELECT expires_at, CASE WHEN expires_at > %(now)s THEN %(weight)s * challenges ELSE wrong END AS weight
          FROM users_logincode
         WHERE user_id = ANY(%(users)s::bigint[]) AND device_id IS NOT DISTINCT FROM %(device)s AND digits = %(short)s
           AND expires_at > %(now)s - %(month)s AND created_at > %(now)s - %(month)s - %(day)s) AS code
"""

# Each row of the two inner lists weighs at least 1, so LIMIT can follow the risk limit. ORDER BY makes PostgreSQL use
# the partial indexes, which it matches by the literal constants.
_SITE = f"""
WITH valid AS (
    SELECT %(weight)s * challenges AS weight FROM users_logincode
     WHERE digits = {SHORT} AND device_id IS NULL AND expires_at > %(now)s
     ORDER BY expires_at DESC LIMIT %(site)s::bigint + 1
), guessed AS (
    SELECT wrong AS weight FROM users_logincode
     WHERE digits = {SHORT} AND device_id IS NULL AND wrong > 0
       AND expires_at > %(now)s - %(day)s AND expires_at <= %(now)s
     ORDER BY expires_at DESC LIMIT %(site)s::bigint + 1
)
SELECT COALESCE(SUM(weight), 0) FROM (TABLE valid UNION ALL TABLE guessed) AS code
"""  # noqa: S608

_LONG_CHALLENGES = """
SELECT COALESCE(SUM(challenges), 0) FROM users_logincode
 WHERE user_id = ANY(%(users)s::bigint[]) AND device_id IS NULL AND digits = %(long)s
   AND expires_at > %(now)s - %(day)s AND created_at > %(now)s - %(day)s - %(day)s
"""

# No code of these SMS is older than `first`. That bound lets PostgreSQL use the index.
_SENT_CODES = f"""
SELECT {sql.columns(LoginCode, "code")}, delivery.created_at AS requested_at
  FROM users_logincode AS code JOIN users_smsdelivery AS delivery ON delivery.login_code_id = code.id
 WHERE code.user_id = ANY(%(users)s::bigint[])
   AND (code.created_at > %(first)s AND delivery.created_at > %(now)s - %(day)s OR code.closed_at IS NULL)
"""  # noqa: S608

_HISTORY = f"""
SELECT {sql.columns(LoginCode, "sent")}, sent.requested_at,
       track.day, track.month, ({_SITE}) <= %(site)s, ({_LONG_CHALLENGES})
  FROM ({_TRACK}) AS track LEFT JOIN ({_SENT_CODES}) AS sent ON true
 ORDER BY sent.requested_at
"""  # noqa: S608


@dataclass(frozen=True)
class RiskWeights:
    """What counts against the codes of one track of a phone, in 24 hours and in 30 days.

    Whether the site allows one more short code, and the challenges for long codes in 24 hours, are for unknown devices.
    """

    day: int
    month: int
    site_allows: bool
    long_challenges: int


class History(NamedTuple):
    """What was sent to a phone, and what counts against a track of it."""

    # The SMS of 24 hours and of all codes not closed, oldest first: when requested, and the code.
    sent: list[tuple[datetime, LoginCode]]
    weights: RiskWeights


def history(user_ids: Sequence[int], device_id: int | None, now: datetime, *, weight: int, site: int) -> History:
    """The SMS to these users, and the risk weights of a known device's track or of that of unknown devices (None).

    `weight` is that of a challenge whose code is valid; `site` is the limit of the whole site.
    """
    values = _values(now, users=list(user_ids), device=device_id, weight=weight, site=site)
    rows = sql.fetch_all(_HISTORY, values | {"first": now - DAY - OPEN_AT_MOST})
    sent = [(row[-5], sql.instance(LoginCode, row)) for row in rows if row[0] is not None]
    return History(sent, RiskWeights(*rows[0][-4:]))


def site_risk_weight(now: datetime, *, weight: int, site: int) -> int:
    """The risk weight of all users' short codes, counted to a little over the limit `site` at most."""
    return int(sql.fetch_one(_SITE, _values(now, weight=weight, site=site))[0])


# SMS requested on the whole site in 24 hours. Those of the last minute are counted up to `most`. Of the others, those
# that were certainly not sent are left out: see UNSENT.
_SMS_IN_A_DAY = """(SELECT COUNT(*)
          FROM (SELECT 1 FROM users_smsdelivery
                 WHERE created_at > COALESCE((SELECT counted_at FROM users_sitetotals), {now} - %(day)s)
                   AND created_at > {now} - %(day)s
                 ORDER BY created_at DESC LIMIT %(most)s) AS sms)
       + COALESCE((SELECT sms_in_a_day FROM users_sitetotals), 0)"""

# The same, but not counted while ids tell that it is below half of `most`: at 150 sign-ups a second, each of them would
# count up to 9,000 SMS. Half, because ids of parallel sign-ups are not in the order of their times. SMS of the future,
# from before the clock was set back, are counted.
_AT_MOST = """(SELECT MAX(id) FROM users_smsdelivery)
       - COALESCE((SELECT id FROM users_smsdelivery
                    WHERE created_at <= COALESCE((SELECT counted_at FROM users_sitetotals), {now} - %(day)s)
                    ORDER BY created_at DESC LIMIT 1), 0)
       + COALESCE((SELECT sms_in_a_day FROM users_sitetotals), 0)"""
SMS_FOR_LIMITS = f"""
  CASE WHEN (SELECT MAX(created_at) FROM users_smsdelivery) < {{now}} + interval '1 minute'
        AND {_AT_MOST} < %(most)s / 2 THEN {_AT_MOST} ELSE {_SMS_IN_A_DAY} END
"""  # noqa: S608


def sms_in_a_day(now: datetime, most: int) -> int:
    """SMS requested on the whole site in 24 hours. Those of the last minute are counted up to `most`."""
    return int(sql.fetch_one("SELECT " + _SMS_IN_A_DAY.format(now="%(now)s"), _values(now, most=most))[0])


# An SMS that was certainly not sent: all gateways failed, or it was dropped before any gateway was asked, mostly
# because no worker had the time. If these counted, networks, whole countries or the site would stay refused after an
# outage. What a gateway refuses counts, because clients choose the number. `users/sms/delivery.py` writes `error`.
_REFUSED = "|".join(sorted({Reason.NUMBER, Reason.BLOCKED, *OF_ONE_SMS}))
UNSENT = f"""(delivery.state IN ('dropped', 'failed') AND delivery.error !~ ': ({_REFUSED})'
               AND NOT jsonb_path_exists(coalesce(delivery.open_tries, '{{}}'), '$.* ? (@ > 0)'))"""

_STORE_TOTALS = f"""
WITH sms AS (
    SELECT delivery.country, delivery.prefix, delivery.created_at, code.used_at IS NOT NULL AS used,
           {UNSENT} AS unsent,
           {widest_network.of("delivery.asked_from")} AS network
      FROM users_smsdelivery AS delivery JOIN users_logincode AS code ON code.id = delivery.login_code_id
     WHERE delivery.created_at > %(now)s - %(day)s AND delivery.created_at <= %(now)s
), country AS (
    SELECT country FROM sms WHERE created_at <= %(now)s - %(settled)s GROUP BY country
    HAVING COUNT(DISTINCT network) FILTER (WHERE NOT used AND NOT unsent)
         > GREATEST(%(country)s, %(share)s * COUNT(*) FILTER (WHERE used))
), prefix AS (
    SELECT prefix FROM sms
     WHERE created_at > %(now)s - %(hour)s AND created_at <= %(now)s - %(settled)s
       AND NOT used AND NOT unsent AND prefix <> ''
     GROUP BY prefix HAVING COUNT(DISTINCT network) > %(prefix)s
)
INSERT INTO users_sitetotals (id, counted_at, people_a_day, sms_in_a_day, suspect_countries, suspect_prefixes)
SELECT 1, %(now)s,
       (SELECT COUNT(DISTINCT (user_id, used_at::date)) / 7.0 FROM users_logincode AS code
          JOIN users_user ON users_user.id = code.user_id AND NOT users_user.is_test
         WHERE used_at > %(now)s - 7 * %(day)s AND code.created_at > %(now)s - 8 * %(day)s),
       (SELECT COUNT(*) FROM sms WHERE NOT unsent),
       (SELECT COALESCE(jsonb_agg(country ORDER BY country), '[]') FROM country),
       (SELECT COALESCE(jsonb_agg(prefix ORDER BY prefix), '[]') FROM prefix)
ON CONFLICT (id) DO UPDATE SET counted_at = EXCLUDED.counted_at, people_a_day = EXCLUDED.people_a_day,
   sms_in_a_day = EXCLUDED.sms_in_a_day, suspect_countries = EXCLUDED.suspect_countries,
   suspect_prefixes = EXCLUDED.suspect_prefixes
WHERE users_sitetotals.counted_at < EXCLUDED.counted_at
   OR users_sitetotals.counted_at > %(set_back)s
"""  # noqa: S608


# Totals that are newer than now by this much are from before the clock was set back.
_SET_BACK = timedelta(minutes=5)


def store_totals(now: datetime, **values: Any) -> bool:
    """Count the whole site and store the totals in their one row, unless a newer count is there: then it is False.

    `settled` is the age at which an unused code counts as unused; `country`, `share` and `prefix` are the limits of
    networks with unused SMS to a country and to a number prefix.
    """
    return sql.execute(_STORE_TOTALS, _values(now, set_back=now + _SET_BACK, **values)) > 0


def _values(now: datetime, **values: Any) -> dict[str, Any]:
    return {"now": now, "hour": HOUR, "day": DAY, "month": MONTH, "short": SHORT, "long": LONG, **values}
