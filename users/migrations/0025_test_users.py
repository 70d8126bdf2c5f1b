"""Test users, of the numbers of SMS_TEST_NUMBERS. `is_test` never changes, so that no vote can come to be mixed later.

Not atomic, because the index is built without stopping sign-ups. Each step may be repeated after a try that was broken
off.
"""

from __future__ import annotations

from typing import Any

from django.db import migrations, models
from django.db.models import Q

INDEX = models.Index(fields=["id"], name="users_user_test", condition=Q(is_test=True))
CHECK = models.CheckConstraint(
    name="users_user_test_no_operator", condition=Q(is_test=False) | Q(is_staff=False, is_superuser=False)
)

ADD_CHECK = """
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_constraint
                    WHERE conname = 'users_user_test_no_operator' AND conrelid = 'users_user'::regclass) THEN
        ALTER TABLE users_user ADD CONSTRAINT users_user_test_no_operator
            CHECK (NOT is_test OR NOT is_staff AND NOT is_superuser) NOT VALID;
    END IF;
END
$$
"""
REFUSE = """
CREATE OR REPLACE FUNCTION users_refuse_is_test() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'is_test never changes' USING ERRCODE = 'check_violation', CONSTRAINT = 'users_user_is_test_final';
END
$$
"""
TRIGGER = """
CREATE OR REPLACE TRIGGER users_user_is_test_final BEFORE UPDATE OF is_test ON users_user FOR EACH ROW
  WHEN (OLD.is_test <> NEW.is_test) EXECUTE FUNCTION users_refuse_is_test()
"""


def database(forward: list[str], backward: list[str], *state: Any) -> migrations.SeparateDatabaseAndState:
    return migrations.SeparateDatabaseAndState([migrations.RunSQL(forward, backward)], list(state))


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("users", "0024_upkeep")]

    operations = [
        database(
            ["ALTER TABLE users_user ADD COLUMN IF NOT EXISTS is_test boolean DEFAULT false NOT NULL"],
            ["ALTER TABLE users_user DROP COLUMN IF EXISTS is_test"],
            migrations.AddField("user", "is_test", models.BooleanField("test user", db_default=False, default=False)),
        ),
        database(
            [
                ADD_CHECK,
                "ALTER TABLE users_user VALIDATE CONSTRAINT users_user_test_no_operator",
            ],
            ["ALTER TABLE users_user DROP CONSTRAINT IF EXISTS users_user_test_no_operator"],
            migrations.AddConstraint("user", CHECK),
        ),
        migrations.RunSQL(
            [REFUSE, TRIGGER],
            [
                "DROP TRIGGER IF EXISTS users_user_is_test_final ON users_user",
                "DROP FUNCTION IF EXISTS users_refuse_is_test",
            ],
        ),
        # It waits for every transaction that is open, a backup's too, and blocks nobody meanwhile.
        migrations.RunSQL("SET lock_timeout = 0", "SET lock_timeout = 0"),
        database(
            [
                "DROP INDEX CONCURRENTLY IF EXISTS users_user_test",
                "CREATE INDEX CONCURRENTLY users_user_test ON users_user (id) WHERE is_test",
            ],
            ["DROP INDEX CONCURRENTLY IF EXISTS users_user_test"],
            migrations.AddIndex("user", INDEX),
        ),
        migrations.RunSQL("SET lock_timeout = '2s'", "SET lock_timeout = '2s'"),
    ]
