"""Operators' searches by phone, for their limit."""

from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("users", "0015_totals_of_networks")]

    operations = [
        migrations.CreateModel(
            name="PhoneSearch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "operator",
                    models.ForeignKey(
                        settings.AUTH_USER_MODEL,
                        django.db.models.deletion.CASCADE,
                        db_index=False,
                        related_name="phone_searches",
                    ),
                ),
                ("phone_hash", models.BinaryField(max_length=32)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["operator", "created_at"], name="users_phonesearch_of_operator"),
                    models.Index(fields=["created_at"], name="users_phonesearch_created"),
                ],
            },
        ),
    ]
