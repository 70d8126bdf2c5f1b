"""What the admin says about checked backups and the certificate of SITE_URL."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("users", "0023_time_of_backup")]

    operations = [
        migrations.AddField("sitetotals", "checked_backup_at", models.DateTimeField("last checked backup", null=True)),
        migrations.AddField("sitetotals", "certificate", models.JSONField("certificate", null=True)),
    ]
