"""The text of a gateway's open circuit as it is: the gateway is asked last. Nothing changes in the database."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("users", "0008_names_of_the_glossary")]

    operations = [
        migrations.AlterField(
            "smsgateway",
            "circuit_open_until",
            models.DateTimeField("asked last until", db_column="skipped_until", null=True),
        ),
    ]
