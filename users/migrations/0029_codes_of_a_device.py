"""The index of codes by device without the many that have none, exchanged without stopping sign-ups on a large table."""

from __future__ import annotations

import django.db.models.deletion
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q

# Django's own change of `db_index` would check the foreign key of all rows again, and lock the table meanwhile.
DROP = "DROP INDEX CONCURRENTLY IF EXISTS users_logincode_device_id_20c9f448"
CREATE = "CREATE INDEX CONCURRENTLY IF NOT EXISTS users_logincode_device_id_20c9f448 ON users_logincode (device_id)"


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("users", "0028_refusals")]

    operations = [
        AddIndexConcurrently(
            "logincode",
            models.Index(fields=["device"], name="users_logincode_of_device", condition=Q(device__isnull=False)),
        ),
        migrations.SeparateDatabaseAndState(
            [migrations.RunSQL(DROP, CREATE)],
            [
                migrations.AlterField(
                    "logincode",
                    "device",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="login_codes",
                        to="users.device",
                        verbose_name="track: known device",
                    ),
                )
            ],
        ),
    ]
