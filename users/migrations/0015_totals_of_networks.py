"""What the people of each network did in 24 hours, for the limits of networks."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("users", "0014_arrivals_of_sms")]

    operations = [
        migrations.CreateModel(
            name="NetworkTotals",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("first", models.GenericIPAddressField(verbose_name="first address")),
                ("length", models.PositiveSmallIntegerField(verbose_name="length of the prefix")),
                ("verified_phones", models.PositiveIntegerField(verbose_name="verified phones in 24 hours")),
                ("unused_sms", models.PositiveIntegerField(verbose_name="SMS without a sign-in in 24 hours")),
                ("short_weight", models.PositiveIntegerField(verbose_name="risk weight in 24 hours")),
            ],
            options={"verbose_name": "totals of a network", "verbose_name_plural": "totals of networks"},
        ),
        migrations.AddConstraint(
            "networktotals",
            models.UniqueConstraint(fields=("first", "length"), name="users_networktotals_one_row"),
        ),
    ]
