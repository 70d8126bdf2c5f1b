"""In which order the SMS that are due are sent: a part of the statement that claims them."""

# So many of the SMS that have waited longest are compared, of the newest, and of those that are being sent. So a claim
# takes a few milliseconds more than without, however many wait.
_COMPARED = 1000

_QUEUED = "SELECT id, login_code_id, asked_from, next_try_at FROM users_smsdelivery WHERE state = 'queued'"
_DUE = "next_try_at <= statement_timestamp()"

# The SMS that are due take turns by network: the first of each goes before the second of any. Otherwise one client with
# many addresses, each within its limits, could have thousands sent before that of anybody else. The networks are wider
# than those of the limits, because a /24 may belong to one customer. SMS to known devices and notices have no address:
# each of them counts as a network of its own. Among the first ones, the oldest goes first. SMS that are being sent
# count, too. Otherwise their network would get each place that becomes free.
#
# `next` has more than are claimed: other workers may lock some of them at this moment. With `state = 'queued'` in the
# last part, the planner may read all that wait for each of them.
DUE = f"""
WITH waiting AS MATERIALIZED (
    ({_QUEUED} AND {_DUE} ORDER BY next_try_at LIMIT {_COMPARED})
     UNION
    ({_QUEUED} AND {_DUE} ORDER BY next_try_at DESC LIMIT {_COMPARED})
     UNION
    ({_QUEUED} AND NOT {_DUE} AND next_try_at <= statement_timestamp() + %(claim)s::interval
     ORDER BY next_try_at DESC LIMIT {_COMPARED})
), in_turn AS MATERIALIZED (
    SELECT id, next_try_at,
           row_number() OVER (PARTITION BY network(set_masklen(asked_from, CASE family(asked_from) WHEN 4 THEN 24
                                                                                                   ELSE 48 END)),
                                           CASE WHEN asked_from IS NULL THEN login_code_id END
                              ORDER BY {_DUE}, next_try_at, id) AS turn
      FROM waiting
), next AS MATERIALIZED (
    SELECT id FROM in_turn WHERE {_DUE}
     ORDER BY turn, next_try_at, id LIMIT 5 * %(limit)s
), due AS MATERIALIZED (
    SELECT sms.* FROM next CROSS JOIN LATERAL (
        SELECT id, login_code_id, open_tries, error, notice_phone, created_at,
               coalesce((open_tries->>%(gateway)s::text)::int, 0) AS tries
          FROM users_smsdelivery
         WHERE id = next.id AND state NOT IN ('sent', 'failed', 'dropped') AND {_DUE}
           FOR NO KEY UPDATE SKIP LOCKED
     ) AS sms
     LIMIT %(limit)s
)"""  # noqa: S608
