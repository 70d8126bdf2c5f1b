"""Lets the three groups of operators see the results. Superusers publish them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.db import migrations

ROLES = ("viewer", "support", "manager")
ADDED = {"profiles.result": ["view_result"]}


def permissions_of(apps: Any, alias: str) -> list[Any]:
    roles = import_module("profiles.migrations.0007_roles")
    found: list[Any] = roles.permissions_of(apps, alias, ADDED)
    return found


def grant(apps: Any, schema_editor: Any) -> None:
    alias = schema_editor.connection.alias
    for group in apps.get_model("auth", "Group").objects.using(alias).filter(name__in=ROLES):
        group.permissions.add(*permissions_of(apps, alias))


def revoke(apps: Any, schema_editor: Any) -> None:
    alias = schema_editor.connection.alias
    for group in apps.get_model("auth", "Group").objects.using(alias).filter(name__in=ROLES):
        group.permissions.remove(*permissions_of(apps, alias))


class Migration(migrations.Migration):
    dependencies = [("profiles", "0010_results")]

    operations = [migrations.RunPython(grant, revoke)]
