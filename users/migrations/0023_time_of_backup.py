"""When `manage.py backup` last made a backup, for the admin."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("users", "0022_index_of_last_digits")]

    operations = [
        migrations.AddField("sitetotals", "backed_up_at", models.DateTimeField("last backup", null=True)),
    ]
