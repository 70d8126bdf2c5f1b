"""The models' names as the glossary has them.

The tables keep their names, so the statements change nothing in the database, and old and new code can run on it at
the same time. Django renames the content types, so permissions stay with those who have them.
"""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("profiles", "0005_names_of_the_glossary")]

    operations = [
        migrations.AlterModelTable("miss", "profiles_miss"),
        migrations.RenameModel("Miss", "FailedActivation"),
        migrations.AlterModelTable("day", "profiles_day"),
        migrations.RenameModel("Day", "DailyStats"),
    ]
