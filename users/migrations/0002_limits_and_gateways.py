"""Tables and columns for the limits of asking and for the health of SMS gateways."""

from __future__ import annotations

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("users", "0001_initial")]

    operations = [
        migrations.AlterModelOptions(
            name="user",
            options={
                "permissions": [("view_phone", "Can see whole phones")],
                "verbose_name": "person",
                "verbose_name_plural": "people",
            },
        ),
        migrations.AddField(
            model_name="smsdelivery",
            name="asked_from",
            field=models.GenericIPAddressField(null=True, verbose_name="asked from"),
        ),
        migrations.CreateModel(
            name="SmsGateway",
            fields=[
                ("name", models.CharField(max_length=64, primary_key=True, serialize=False, verbose_name="gateway")),
                ("failures", models.PositiveIntegerField(default=0, verbose_name="failures in a row")),
                ("error", models.CharField(blank=True, max_length=100, verbose_name="error")),
                ("failed_at", models.DateTimeField(null=True, verbose_name="last failed")),
                ("skipped_until", models.DateTimeField(null=True, verbose_name="skipped until")),
            ],
            options={"verbose_name": "SMS gateway", "verbose_name_plural": "SMS gateways"},
        ),
        migrations.CreateModel(
            name="SiteTotals",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("counted_at", models.DateTimeField(verbose_name="counted")),
                (
                    "people_a_day",
                    models.FloatField(help_text="mean of seven days", verbose_name="people signed in a day"),
                ),
                ("sms_in_a_day", models.PositiveIntegerField(verbose_name="SMS in 24 hours")),
                (
                    "suspect_countries",
                    models.JSONField(default=list, verbose_name="countries whose codes are not used"),
                ),
                (
                    "suspect_prefixes",
                    models.JSONField(default=list, verbose_name="number blocks whose codes are not used"),
                ),
            ],
            options={"verbose_name": "site totals", "verbose_name_plural": "site totals"},
        ),
        migrations.AddConstraint(
            model_name="sitetotals",
            constraint=models.CheckConstraint(condition=Q(id=1), name="users_sitetotals_one_row"),
        ),
    ]
