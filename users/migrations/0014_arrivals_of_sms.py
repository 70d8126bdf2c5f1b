"""How many SMS arrive, by gateway and prefix, for the metrics and the admin."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("users", "0013_index_of_references")]

    operations = [
        migrations.AddField("sitetotals", "arrivals", models.JSONField("delivered SMS", null=True)),
    ]
