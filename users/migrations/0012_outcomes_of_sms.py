"""What became of an SMS: tries whose outcome is not known, and what its delivery receipt said."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("users", "0011_session_of_a_challenge")]

    operations = [
        migrations.AddField("smsdelivery", "open_tries", models.JSONField("tries without an outcome", null=True)),
        migrations.AddField("smsdelivery", "delivered_at", models.DateTimeField("delivered", null=True)),
        migrations.AddField(
            "smsdelivery",
            "undelivered",
            models.CharField("not delivered", max_length=16, blank=True, db_default=""),
        ),
    ]
