"""The name of a field as operators read it. Nothing changes in the database."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("users", "0029_codes_of_a_device")]

    operations = [
        migrations.AlterField(
            "user", "is_staff", models.BooleanField(db_default=False, default=False, verbose_name="operator")
        ),
    ]
