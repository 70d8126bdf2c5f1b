"""A name of the admin. Nothing changes in the database."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("users", "0032_words")]

    operations = [migrations.AlterField("device", "refreshed_at", models.DateTimeField(verbose_name="last active"))]
