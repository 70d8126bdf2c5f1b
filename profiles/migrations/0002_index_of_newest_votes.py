"""An index for the list of all votes, built without stopping activations on a large table."""

from __future__ import annotations

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("profiles", "0001_initial")]

    operations = [
        AddIndexConcurrently(
            model_name="activation",
            index=models.Index(fields=["created_at", "invitee"], name="profiles_activation_created"),
        ),
    ]
