"""Without the indexes that no statement uses: a sixth of what a person's rows and indexes take, and of their writes.

A reference to the person is found by the first column of another index; nobody looks a phone or a public id up by its
beginning, which is what Django makes an index ending in `_like` for.
"""

from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def dropped(name: str, table: str, what: str) -> migrations.RunSQL:
    drop = f"DROP INDEX CONCURRENTLY IF EXISTS {name}"
    return migrations.RunSQL([drop], [drop, f"CREATE INDEX CONCURRENTLY {name} ON {table} {what}"])


def reference(model: str, index: str, related_name: str) -> migrations.SeparateDatabaseAndState:
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        django.db.models.deletion.CASCADE,
        db_index=False,
        related_name=related_name,
        verbose_name="person",
    )
    return migrations.SeparateDatabaseAndState(
        [dropped(index, f"users_{model}", "(user_id)")], [migrations.AlterField(model, "user", user)]
    )


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("users", "0006_indexes_for_operators")]

    operations = [
        # It waits for every transaction that is open, a backup's too, and blocks nobody meanwhile.
        migrations.RunSQL("SET lock_timeout = 0", "SET lock_timeout = 0"),
        dropped("users_user_phone_fe37f55c_like", "users_user", "(phone varchar_pattern_ops)"),
        dropped("users_challenge_public_id_2067d4d9_like", "users_challenge", "(public_id varchar_pattern_ops)"),
        dropped("users_smsgateway_name_ccbbccbd_like", "users_smsgateway", "(name varchar_pattern_ops)"),
        reference("device", "users_device_user_id_7f43d271", "devices"),
        reference("logincode", "users_logincode_user_id_0052e02c", "login_codes"),
        migrations.RunSQL("SET lock_timeout = '2s'", "SET lock_timeout = '2s'"),
    ]
