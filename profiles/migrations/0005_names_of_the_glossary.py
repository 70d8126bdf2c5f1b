"""Texts as the glossary has them. Nothing changes in the database."""

from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("profiles", "0004_fewer_indexes"), ("users", "0008_names_of_the_glossary")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    "profile",
                    "user",
                    models.OneToOneField(
                        settings.AUTH_USER_MODEL,
                        django.db.models.deletion.CASCADE,
                        primary_key=True,
                        serialize=False,
                        related_name="profile",
                        verbose_name="user",
                    ),
                ),
                migrations.AlterField(
                    "miss",
                    "user",
                    models.ForeignKey(
                        settings.AUTH_USER_MODEL,
                        django.db.models.deletion.CASCADE,
                        db_index=False,
                        related_name="+",
                        verbose_name="user",
                    ),
                ),
            ]
        )
    ]
