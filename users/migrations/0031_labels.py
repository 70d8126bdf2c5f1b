"""The names of some columns in the admin. Nothing changes in the database."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("users", "0030_operators")]

    operations = [
        migrations.AlterField(
            "logincode",
            "open_until",
            models.DateTimeField(
                help_text="Until then, another request sends the same code.", verbose_name="sent again until"
            ),
        ),
        migrations.AlterField("logincode", "expires_at", models.DateTimeField(verbose_name="the code works until")),
        migrations.AlterField(
            "logincode",
            "closed_at",
            models.DateTimeField(
                help_text="Since then, a request makes a new code.", null=True, verbose_name="closed"
            ),
        ),
        migrations.AlterField("smsdelivery", "address", models.CharField(max_length=20, verbose_name="phone")),
    ]
