"""A name of the admin. Nothing changes in the database."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("profiles", "0013_votes")]

    operations = [
        migrations.AlterField(
            "webhookendpoint", "failing_since", models.DateTimeField(null=True, verbose_name="failing since")
        ),
    ]
