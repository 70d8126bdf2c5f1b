"""SMS wait in their own rows: when the next try is, how many rounds failed, and which request asked.

Rows of earlier versions have no next try: a job sends them.
"""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("users", "0019_attempts_by_phone")]

    operations = [
        migrations.AddField("smsdelivery", "next_try_at", models.DateTimeField("next try", null=True)),
        migrations.AddField(
            "smsdelivery", "failed_rounds", models.PositiveSmallIntegerField("failed rounds", db_default=0)
        ),
        migrations.AddField(
            "smsdelivery",
            "request_id",
            models.CharField("id of the request", max_length=64, blank=True, db_default=""),
        ),
    ]
