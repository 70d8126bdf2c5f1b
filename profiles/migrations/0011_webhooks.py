"""Webhooks: the endpoints of other systems, and the events on their way. Managers may use them.

The group keeps what it allows if somebody has changed that.
"""

from __future__ import annotations

import uuid
from importlib import import_module
from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import RandomUUID
from django.db import migrations, models
from django.db.models import Q
from django.db.models.functions import Now

roles: Any = import_module("profiles.migrations.0009_roles")
MANAGER = {
    "profiles.webhookendpoint": ["view_webhookendpoint", "change_webhookendpoint"],
    "profiles.webhookdelivery": ["view_webhookdelivery"],
}


def change_manager(apps: Any, schema_editor: Any, before: dict[str, list[str]], after: dict[str, list[str]]) -> None:
    """Give the group of managers the permissions `after`, if it has exactly those `before`."""
    alias = schema_editor.connection.alias
    for group in apps.get_model("auth", "Group").objects.using(alias).filter(name="manager"):
        expected = {permission.pk for permission in roles.permissions_of(apps, alias, before)}
        if set(group.permissions.values_list("pk", flat=True)) == expected:
            group.permissions.set(roles.permissions_of(apps, alias, after))


def let_managers(apps: Any, schema_editor: Any) -> None:
    change_manager(apps, schema_editor, roles.MANAGER, roles.MANAGER | MANAGER)


def stop_managers(apps: Any, schema_editor: Any) -> None:
    change_manager(apps, schema_editor, roles.MANAGER | MANAGER, roles.MANAGER)


class Migration(migrations.Migration):
    dependencies = [
        ("profiles", "0010_votes_of_test_users"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="WebhookEndpoint",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("url", models.CharField(max_length=500, verbose_name="URL")),
                (
                    "events",
                    ArrayField(
                        base_field=models.CharField(
                            choices=[
                                ("user.verified", "a user verified their phone"),
                                ("user.erased", "a user was erased"),
                                ("user.phone_changed", "a user changed their phone"),
                                ("activation.created", "a user activated an invite code"),
                                ("activation.released", "an activation was deleted"),
                                ("results.published", "the results of the vote were published"),
                            ],
                            max_length=32,
                        ),
                        size=None,
                        verbose_name="events",
                    ),
                ),
                ("nonce", models.UUIDField(default=uuid.uuid4)),
                ("previous_nonce", models.UUIDField(null=True)),
                ("previous_until", models.DateTimeField(null=True, verbose_name="the secret before it is used until")),
                ("is_enabled", models.BooleanField(default=True, verbose_name="enabled")),
                ("disabled_reason", models.CharField(blank=True, max_length=200, verbose_name="why it is disabled")),
                ("failing_since", models.DateTimeField(null=True, verbose_name="fails since")),
                ("error", models.CharField(blank=True, max_length=64, verbose_name="last error")),
                (
                    "created_at",
                    models.DateTimeField(db_default=Now(), verbose_name="created"),
                ),
            ],
            options={
                "verbose_name": "webhook",
                "verbose_name_plural": "webhooks",
                "default_permissions": ("view", "change"),
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(("url__regex", "^https?://")), name="profiles_webhookendpoint_url"
                    ),
                    models.CheckConstraint(
                        condition=Q(
                            (
                                "events__contained_by",
                                [
                                    "user.verified",
                                    "user.erased",
                                    "user.phone_changed",
                                    "activation.created",
                                    "activation.released",
                                    "results.published",
                                ],
                            ),
                            ("events__len__gt", 0),
                        ),
                        name="profiles_webhookendpoint_events",
                    ),
                    models.CheckConstraint(
                        condition=Q(
                            Q(("disabled_reason", ""), ("is_enabled", True)),
                            Q(Q(("is_enabled", False)), Q(("disabled_reason", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="profiles_webhookendpoint_disabled",
                        violation_error_message="Give a reason if the webhook is disabled, and none if it is enabled.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="WebhookDelivery",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=32, verbose_name="event")),
                ("data", models.JSONField(verbose_name="data")),
                (
                    "message_id",
                    models.UUIDField(db_default=RandomUUID(), verbose_name="webhook-id"),
                ),
                (
                    "created_at",
                    models.DateTimeField(db_default=Now(), verbose_name="created"),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("queued", "queued"), ("delivered", "delivered"), ("failed", "failed")],
                        db_default="queued",
                        max_length=9,
                        verbose_name="state",
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(db_default=0, verbose_name="attempts")),
                (
                    "next_try_at",
                    models.DateTimeField(db_default=Now(), verbose_name="next try"),
                ),
                ("status", models.PositiveSmallIntegerField(null=True, verbose_name="response status")),
                ("error", models.CharField(blank=True, db_default="", max_length=64, verbose_name="error")),
                ("finished_at", models.DateTimeField(null=True, verbose_name="finished")),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
                (
                    "endpoint",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="deliveries",
                        to="profiles.webhookendpoint",
                        verbose_name="webhook",
                    ),
                ),
            ],
            options={
                "verbose_name": "webhook delivery",
                "verbose_name_plural": "webhook deliveries",
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(fields=["endpoint", "id"], name="profiles_webhook_newest"),
                    models.Index(
                        condition=Q(("state", "queued")),
                        fields=["endpoint", "next_try_at"],
                        name="profiles_webhook_due",
                    ),
                    models.Index(
                        condition=Q(("state", "queued")),
                        fields=["endpoint", "id"],
                        name="profiles_webhook_oldest",
                    ),
                    models.Index(condition=Q(("state", "failed")), fields=["id"], name="profiles_webhook_failed"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(
                            Q(("finished_at", None), ("state", "queued")),
                            Q(("finished_at__isnull", False), ("state__in", ["delivered", "failed"])),
                            _connector="OR",
                        ),
                        name="profiles_webhookdelivery_state",
                    )
                ],
            },
        ),
        migrations.RunPython(let_managers, stop_managers),
    ]
