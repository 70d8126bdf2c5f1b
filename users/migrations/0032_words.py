"""More names of the admin. Nothing changes in the database."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("users", "0031_labels")]

    operations = [
        migrations.AlterField(
            "logincode", "challenges", models.PositiveIntegerField(default=0, verbose_name="sign-in requests")
        ),
        migrations.AlterField(
            "smsdelivery",
            "state",
            models.CharField(
                choices=[("queued", "queued"), ("sent", "sent"), ("failed", "not sent"), ("dropped", "dropped")],
                default="queued",
                max_length=8,
                verbose_name="state",
            ),
        ),
    ]
