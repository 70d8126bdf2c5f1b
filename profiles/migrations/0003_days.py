"""A small table of what happened on each day, for the home page of the admin."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("profiles", "0002_index_of_newest_votes")]

    operations = [
        migrations.CreateModel(
            name="Day",
            fields=[
                ("day", models.DateField(primary_key=True, serialize=False, verbose_name="day")),
                ("sign_ups", models.PositiveIntegerField(verbose_name="sign-ups")),
                ("activations", models.PositiveIntegerField(verbose_name="activations")),
                ("sms_sent", models.PositiveIntegerField(verbose_name="SMS sent")),
                ("codes_used", models.PositiveIntegerField(verbose_name="codes verified")),
            ],
            options={"verbose_name": "day", "verbose_name_plural": "days", "default_permissions": ()},
        ),
    ]
