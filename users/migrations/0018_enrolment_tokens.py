"""One-time tokens for setting up the second factor of operators."""

from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("users", "0017_operator_logins")]

    operations = [
        migrations.CreateModel(
            name="EnrolmentToken",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        settings.AUTH_USER_MODEL,
                        django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="enrolment_token",
                        serialize=False,
                    ),
                ),
                ("token_hash", models.BinaryField(max_length=32)),
                ("expires_at", models.DateTimeField()),
            ],
            options={"default_permissions": ()},
        ),
    ]
