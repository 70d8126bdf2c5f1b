"""Names of events in the admin. Nothing changes in the database."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("profiles", "0014_words")]

    operations = [
        migrations.AlterField(
            "webhookendpoint",
            "events",
            ArrayField(
                base_field=models.CharField(
                    choices=[
                        ("user.verified", "a user verified their phone"),
                        ("user.erased", "a user was erased"),
                        ("user.phone_changed", "a user changed their phone"),
                        ("activation.created", "a user voted"),
                        ("activation.released", "a vote was released"),
                        ("results.published", "the results of the vote were published"),
                    ],
                    max_length=32,
                ),
                size=None,
                verbose_name="events",
            ),
        ),
    ]
