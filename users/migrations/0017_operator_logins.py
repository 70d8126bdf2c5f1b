"""Log-ins of operators to the admin."""

from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Q

OUTCOMES = {
    "ok": "logged in",
    "password": "password right, no code yet",
    "wrong_password": "wrong password",
    "wrong_code": "wrong second factor",
    "locked": "locked",
}


class Migration(migrations.Migration):
    dependencies = [("users", "0016_phone_searches")]

    operations = [
        migrations.CreateModel(
            name="OperatorLogin",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "user",
                    models.ForeignKey(
                        settings.AUTH_USER_MODEL,
                        django.db.models.deletion.CASCADE,
                        db_index=False,
                        related_name="operator_logins",
                        verbose_name="user",
                    ),
                ),
                ("outcome", models.CharField("outcome", max_length=16, choices=list(OUTCOMES.items()))),
                ("address", models.GenericIPAddressField("address", null=True)),
                ("network", models.GenericIPAddressField()),
                ("is_known", models.BooleanField(db_default=False)),
                ("user_agent", models.CharField("client", max_length=200, blank=True)),
                ("created_at", models.DateTimeField("time")),
            ],
            options={
                "verbose_name": "log-in to the admin",
                "verbose_name_plural": "log-ins to the admin",
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["user", "-created_at"], name="users_operatorlogin_of_user"),
                    models.Index(fields=["created_at"], name="users_operatorlogin_created"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        name="users_operatorlogin_outcome", condition=Q(outcome__in=list(OUTCOMES))
                    ),
                ],
            },
        ),
    ]
