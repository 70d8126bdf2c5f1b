"""The voting period: one row, which is stored when an operator sets a time."""

from __future__ import annotations

from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    dependencies = [("profiles", "0006_names_of_models")]

    operations = [
        migrations.CreateModel(
            name="VotingPeriod",
            fields=[
                (
                    "id",
                    models.PositiveSmallIntegerField(primary_key=True, serialize=False, db_default=1, default=1),
                ),
                ("opens_at", models.DateTimeField("opens", null=True, blank=True)),
                ("closes_at", models.DateTimeField("closes", null=True, blank=True)),
            ],
            options={
                "verbose_name": "voting period",
                "verbose_name_plural": "voting period",
                "default_permissions": ("view", "change"),
                "constraints": [
                    models.CheckConstraint(name="profiles_votingperiod_one_row", condition=Q(id=1)),
                    models.CheckConstraint(
                        name="profiles_votingperiod_closes_after_opening",
                        condition=Q(opens_at=None) | Q(closes_at=None) | Q(closes_at__gt=F("opens_at")),
                        violation_error_message="The voting period must end after it begins.",
                    ),
                ],
            },
        ),
    ]
