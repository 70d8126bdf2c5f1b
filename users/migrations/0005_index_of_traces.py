"""Its index, built without stopping sign-ups on a large table."""

from __future__ import annotations

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("users", "0004_trace_of_erased_phone")]

    operations = [
        AddIndexConcurrently(
            model_name="user",
            index=models.Index(
                fields=["erased_trace"], name="users_user_erased_trace", condition=Q(erased_trace__isnull=False)
            ),
        ),
    ]
