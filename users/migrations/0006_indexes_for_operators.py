"""Indexes for what operators look at, built without stopping sign-ups on a large table.

Those of the log are of Django's own table: what was done to one person, and by one operator.
"""

from __future__ import annotations

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


def few(name: str, condition: Q) -> AddIndexConcurrently:
    return AddIndexConcurrently("user", models.Index(fields=["id"], name=f"users_user_{name}", condition=condition))


def of_log(name: str, columns: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"CREATE INDEX CONCURRENTLY {name} ON django_admin_log ({columns})",
        f"DROP INDEX CONCURRENTLY IF EXISTS {name}",
    )


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("users", "0005_index_of_traces"), ("admin", "0003_logentry_add_action_flag_choices")]

    operations = [
        few("operators", Q(is_staff=True)),
        few("unverified", Q(verified_at=None)),
        few("disabled", Q(is_active=False, erased_at=None)),
        few("erased", Q(erased_at__isnull=False)),
        of_log("users_log_of_object", "object_id, content_type_id"),
        of_log("users_log_of_operator", "user_id, action_time"),
    ]
