"""The word of the admin for an activation. Nothing changes in the database."""

from __future__ import annotations

import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("profiles", "0012_final_results")]

    operations = [
        migrations.AlterModelOptions("activation", {"verbose_name": "vote", "verbose_name_plural": "votes"}),
        migrations.AlterField(
            "activation",
            "created_at",
            models.DateTimeField(
                db_default=django.db.models.functions.datetime.Now(), verbose_name="time of the vote"
            ),
        ),
        migrations.AlterField(
            "profile",
            "invitations_count",
            models.PositiveIntegerField(db_default=0, default=0, verbose_name="votes received"),
        ),
    ]
