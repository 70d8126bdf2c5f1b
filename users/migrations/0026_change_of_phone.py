"""Codes that change a user's phone, and SMS that tell the phone before."""

from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("users", "0025_test_users")]

    operations = [
        migrations.AddField(
            "logincode",
            "changing_user",
            models.ForeignKey(
                settings.AUTH_USER_MODEL,
                django.db.models.deletion.DO_NOTHING,
                null=True,
                db_index=False,
                db_constraint=False,
                related_name="+",
            ),
        ),
        migrations.AddField("smsdelivery", "notice_phone", models.CharField(max_length=16, null=True)),
        AddConstraintNotValid(
            "logincode",
            models.CheckConstraint(
                name="users_logincode_change_is_unknown", condition=Q(changing_user=None) | Q(device=None)
            ),
        ),
    ]
