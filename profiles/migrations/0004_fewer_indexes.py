"""Without the index that Django makes to find invite codes by their beginning, which nobody does."""

from __future__ import annotations

from django.db import migrations

NAME = "profiles_profile_invite_code_48f81b68_like"
DROP = f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}"


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("profiles", "0003_days")]

    operations = [
        # It waits for every transaction that is open, a backup's too, and blocks nobody meanwhile.
        migrations.RunSQL("SET lock_timeout = 0", "SET lock_timeout = 0"),
        migrations.RunSQL(
            [DROP],
            [DROP, f"CREATE INDEX CONCURRENTLY {NAME} ON profiles_profile (invite_code varchar_pattern_ops)"],
        ),
        migrations.RunSQL("SET lock_timeout = '2s'", "SET lock_timeout = '2s'"),
    ]
