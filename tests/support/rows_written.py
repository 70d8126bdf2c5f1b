"""Counts the rows that were written to the database."""

from django.db import connection


def rows_written() -> int:
    """Rows that the test's transaction inserted, changed and deleted, including those rolled back."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT COALESCE(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) FROM pg_stat_xact_user_tables")
        return int(cursor.fetchone()[0])
