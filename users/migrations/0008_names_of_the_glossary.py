"""Names of fields and texts as the glossary has them.

Nothing changes in the database, so old and new code can run on it at the same time: columns, indexes and constraints
keep their names. Indexes and constraints are declared again because they name the renamed fields.
"""

from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Q

LENGTHS = (4, 10)


def user_field(related_name: str) -> models.ForeignKey:
    return models.ForeignKey(
        settings.AUTH_USER_MODEL,
        django.db.models.deletion.CASCADE,
        db_index=False,
        related_name=related_name,
        verbose_name="user",
    )


class Migration(migrations.Migration):
    dependencies = [("users", "0007_fewer_indexes")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterModelOptions(
                    "user",
                    {
                        "permissions": [("view_phone", "Can see full phone numbers")],
                        "verbose_name": "user",
                        "verbose_name_plural": "users",
                    },
                ),
                migrations.RemoveIndex("user", "users_user_erased_trace"),
                migrations.RenameField("user", "erased_trace", "erased_phone_hash"),
                migrations.AlterField(
                    "user",
                    "erased_phone_hash",
                    models.BinaryField(db_column="erased_trace", max_length=32, null=True),
                ),
                migrations.AddIndex(
                    "user",
                    models.Index(
                        fields=["erased_phone_hash"],
                        name="users_user_erased_trace",
                        condition=Q(erased_phone_hash__isnull=False),
                    ),
                ),
                migrations.AlterField("device", "user", user_field("devices")),
                migrations.AlterField("logincode", "user", user_field("login_codes")),
                migrations.AlterField(
                    "logincode",
                    "device",
                    models.ForeignKey(
                        "users.Device",
                        django.db.models.deletion.CASCADE,
                        null=True,
                        related_name="login_codes",
                        verbose_name="track: known device",
                    ),
                ),
                migrations.AlterField(
                    "challenge",
                    "login_code",
                    models.ForeignKey(
                        "users.LoginCode",
                        django.db.models.deletion.CASCADE,
                        related_name="attached",
                        verbose_name="login code",
                    ),
                ),
                migrations.RemoveIndex("logincode", "users_logincode_short"),
                migrations.RemoveIndex("logincode", "users_logincode_guessed"),
                migrations.RemoveConstraint("logincode", "users_logincode_one_open"),
                migrations.RemoveConstraint("logincode", "users_logincode_digits"),
                migrations.RenameField("logincode", "digits", "length"),
                migrations.AlterField(
                    "logincode", "length", models.PositiveSmallIntegerField("length", db_column="digits")
                ),
                migrations.AddIndex(
                    "logincode",
                    models.Index(
                        fields=["expires_at"], name="users_logincode_short", condition=Q(length=4, device=None)
                    ),
                ),
                migrations.AddIndex(
                    "logincode",
                    models.Index(
                        fields=["expires_at"],
                        include=["wrong"],
                        name="users_logincode_guessed",
                        condition=Q(length=4, device=None, wrong__gt=0),
                    ),
                ),
                migrations.AddConstraint(
                    "logincode",
                    models.UniqueConstraint(
                        fields=["user", "device", "length"],
                        name="users_logincode_one_open",
                        condition=Q(closed_at__isnull=True),
                        nulls_distinct=False,
                    ),
                ),
                migrations.AddConstraint(
                    "logincode",
                    models.CheckConstraint(name="users_logincode_digits", condition=Q(length__in=LENGTHS)),
                ),
                migrations.RemoveIndex("smsdelivery", "users_smsdelivery_asked_from"),
                migrations.RenameField("smsdelivery", "asked_from", "client_address"),
                migrations.AlterField(
                    "smsdelivery",
                    "client_address",
                    models.GenericIPAddressField("client address", db_column="asked_from", null=True),
                ),
                migrations.AddIndex(
                    "smsdelivery",
                    models.Index(fields=["client_address", "created_at"], name="users_smsdelivery_asked_from"),
                ),
                migrations.RenameField("smsgateway", "skipped_until", "circuit_open_until"),
                migrations.AlterField(
                    "smsgateway",
                    "circuit_open_until",
                    models.DateTimeField("skipped until", db_column="skipped_until", null=True),
                ),
                migrations.AlterField(
                    "sitetotals",
                    "people_a_day",
                    models.FloatField("users signed in per day", help_text="mean of seven days"),
                ),
                migrations.AlterField(
                    "sitetotals",
                    "suspect_prefixes",
                    models.JSONField("number prefixes whose codes are not used", default=list),
                ),
            ]
        )
    ]
