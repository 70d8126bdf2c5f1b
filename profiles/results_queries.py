"""Hand-written statements that make the snapshot of the results."""

from datetime import datetime

from users import sql

# What was stored before, by whoever can write to these tables, is of no vote that operators see. Nobody adds more: a
# trigger makes them wait for who publishes.
_FORGET = (
    "DELETE FROM profiles_receipt",
    "DELETE FROM profiles_result",
    "UPDATE profiles_activation SET receipt = NULL WHERE receipt IS NOT NULL",
)

# Votes of earlier versions have no nonce. `DEFAULT` makes one for each row.
_FILL_NONCES = "UPDATE profiles_activation SET nonce = DEFAULT WHERE nonce IS NULL"

# Sorted, so that the order of the rows tells nothing about the order of the votes.
_STORE_RECEIPTS = """
WITH counted AS (
    UPDATE profiles_activation AS activation
       SET receipt = sha256(activation.nonce
                            || convert_to(person.phone || inviter.invite_code || %(period)s, 'UTF8'))
      FROM profiles_profile AS inviter, users_user AS person
     WHERE inviter.user_id = activation.inviter_id AND person.id = activation.invitee_id AND NOT person.is_test
       AND (%(opens)s::timestamptz IS NULL OR activation.created_at >= %(opens)s)
       AND activation.created_at < %(closes)s
    RETURNING inviter.invite_code, activation.receipt
)
INSERT INTO profiles_receipt (invite_code, receipt)
SELECT invite_code COLLATE "C", receipt FROM counted ORDER BY invite_code COLLATE "C", receipt
"""

_STORE_RESULTS = """
INSERT INTO profiles_result (id, place, invite_code, votes)
SELECT row_number() OVER (ORDER BY votes DESC, invite_code), rank() OVER (ORDER BY votes DESC), invite_code, votes
  FROM (SELECT invite_code, count(*) AS votes FROM profiles_receipt GROUP BY invite_code) AS counted
"""


def store(period: str, opens_at: datetime | None, closes_at: datetime) -> int:
    """Store a receipt for each vote in the period, and the results that follow from them. Returns the number of votes.
    Those of test users do not count. Lines and receipts that are there already go first. Call it with the row of the
    voting period locked.

    By hand: one statement gives each vote its receipt and copies it, so no vote can differ between the two. The ORM has
    no UPDATE that returns rows, and no INSERT from a query.
    """
    for statement in _FORGET:
        sql.execute(statement, [])
    sql.execute(_FILL_NONCES, [])
    votes = sql.execute(_STORE_RECEIPTS, {"period": period, "opens": opens_at, "closes": closes_at})
    sql.execute(_STORE_RESULTS, [])
    return votes
