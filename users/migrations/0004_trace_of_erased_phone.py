"""A column for the trace by which limits on a phone outlive its person's erasure."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("users", "0003_limits_indexes")]

    operations = [
        migrations.AddField(
            model_name="user", name="erased_trace", field=models.BinaryField(max_length=32, null=True)
        ),
    ]
