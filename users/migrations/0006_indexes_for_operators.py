"""Indexes for what operators look at, built without stopping sign-ups on a large table.

Those of the log are of Django's own table: what was done to one person, and by one operator.
"""

from __future__ import annotations

from django.db import migrations, models
from django.db.models import Q


def build(name: str, table: str, what: str) -> migrations.RunSQL:
    """An index, built anew if an earlier try was broken off and left an invalid one."""
    drop = f"DROP INDEX CONCURRENTLY IF EXISTS {name}"
    return migrations.RunSQL([drop, f"CREATE INDEX CONCURRENTLY {name} ON {table} {what}"], [drop])


def few(name: str, condition: Q, sql: str) -> migrations.SeparateDatabaseAndState:
    index = models.Index(fields=["id"], name=f"users_user_{name}", condition=condition)
    return migrations.SeparateDatabaseAndState(
        [build(index.name, "users_user", f"(id) WHERE {sql}")], [migrations.AddIndex("user", index)]
    )


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("users", "0005_index_of_traces"), ("admin", "0003_logentry_add_action_flag_choices")]

    operations = [
        # It waits for every transaction that is open, a backup's too, and blocks nobody meanwhile.
        migrations.RunSQL("SET lock_timeout = 0", "SET lock_timeout = 0"),
        few("operators", Q(is_staff=True), "is_staff"),
        few("unverified", Q(verified_at=None), "verified_at IS NULL"),
        few("disabled", Q(is_active=False, erased_at=None), "erased_at IS NULL AND NOT is_active"),
        few("erased", Q(erased_at__isnull=False), "erased_at IS NOT NULL"),
        build("users_log_of_object", "django_admin_log", "(object_id, content_type_id)"),
        build("users_log_of_operator", "django_admin_log", "(user_id, action_time)"),
        migrations.RunSQL("SET lock_timeout = '2s'", "SET lock_timeout = '2s'"),
    ]
