"""How many SMS in a row a gateway refused. A process of the version before does not know of it."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("users", "0027_one_open_code_of_each_change")]

    operations = [
        migrations.AddField(
            "smsgateway", "refusals", models.PositiveIntegerField("SMS refused in a row", db_default=0, default=0)
        ),
    ]
