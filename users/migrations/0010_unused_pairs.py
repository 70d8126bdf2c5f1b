"""What tells a lost refresh response from a stolen refresh token.

NULL means that the pair was used, so rows of the version before, and those that it writes meanwhile, keep its rules.
"""

from __future__ import annotations

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("users", "0009_asked_last")]

    operations = [
        migrations.AddField("device", "unused_jti", models.UUIDField("unused pair", null=True)),
        migrations.AddField(
            "device",
            "superseded_jtis",
            django.contrib.postgres.fields.ArrayField(
                base_field=models.UUIDField(), null=True, size=None, verbose_name="superseded pairs"
            ),
        ),
    ]
