"""Hand-written statements about the voting period."""

from users import sql


def wait_for_votes(lock: int) -> None:
    """Acquire this advisory lock alone, until the transaction ends: no vote is under way then, and new ones wait.

    By hand: the ORM has no advisory locks. The wait ends after the connection's `lock_timeout`.
    """
    sql.fetch_one("SELECT pg_advisory_xact_lock(%s)", [lock])
