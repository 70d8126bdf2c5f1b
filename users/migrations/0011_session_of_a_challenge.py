"""The session that a challenge opened, so that a repeated log-in gets the same one. NULL means that there is none."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    # Apart from the migration before: one that locks two tables could deadlock with a sign-up.
    dependencies = [("users", "0010_unused_pairs")]

    operations = [migrations.AddField("challenge", "session_id", models.UUIDField("session", null=True))]
