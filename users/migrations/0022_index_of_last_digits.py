"""An index for searches of the admin by the last digits of a phone. Built without stopping sign-ups."""

from __future__ import annotations

from django.db import migrations, models

NAME = "users_user_last_digits"
DROP = f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}"
LAST_DIGITS = models.Func(models.F("phone"), template="RIGHT(%(expressions)s, 4)", output_field=models.CharField())


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("users", "0021_index_of_queued_sms")]

    operations = [
        # It waits for every transaction that is open, a backup's too, and blocks nobody meanwhile.
        migrations.RunSQL("SET lock_timeout = 0", "SET lock_timeout = 0"),
        migrations.SeparateDatabaseAndState(
            # Built anew if an earlier try was broken off and left an invalid one.
            [migrations.RunSQL([DROP, f"CREATE INDEX CONCURRENTLY {NAME} ON users_user (RIGHT(phone, 4))"], [DROP])],
            [migrations.AddIndex("user", models.Index(LAST_DIGITS, name=NAME))],
        ),
        migrations.RunSQL("SET lock_timeout = '2s'", "SET lock_timeout = '2s'"),
    ]
