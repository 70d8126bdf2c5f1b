"""How much was written to the database."""

from django.db import connection


def rows_written() -> int:
    """Rows inserted, changed and deleted by the transaction that the test runs in, those rolled back too."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT COALESCE(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) FROM pg_stat_xact_user_tables")
        return int(cursor.fetchone()[0])
