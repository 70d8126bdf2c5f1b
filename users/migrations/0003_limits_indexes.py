"""Indexes for the limits of asking, built without stopping sign-ups on a large table."""

from __future__ import annotations

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("users", "0002_limits_and_gateways")]

    operations = [
        AddIndexConcurrently(
            model_name="logincode",
            index=models.Index(
                fields=["expires_at"], name="users_logincode_short", condition=Q(digits=4, device=None)
            ),
        ),
        AddIndexConcurrently(
            model_name="logincode",
            index=models.Index(
                fields=["expires_at"],
                include=["wrong"],
                name="users_logincode_guessed",
                condition=Q(digits=4, device=None, wrong__gt=0),
            ),
        ),
        AddIndexConcurrently(
            model_name="smsdelivery",
            index=models.Index(fields=["asked_from", "created_at"], name="users_smsdelivery_asked_from"),
        ),
    ]
