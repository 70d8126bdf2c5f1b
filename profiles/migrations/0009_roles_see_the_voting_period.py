"""Lets the three groups of operators see the voting period, and managers change it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.db import migrations

VIEWS = ["view_votingperiod"]
ADDED = {"viewer": VIEWS, "support": VIEWS, "manager": [*VIEWS, "change_votingperiod"]}


def permissions_of(apps: Any, alias: str, name: str) -> list[Any]:
    roles = import_module("profiles.migrations.0007_roles")
    found: list[Any] = roles.permissions_of(apps, alias, {"profiles.votingperiod": ADDED[name]})
    return found


def grant(apps: Any, schema_editor: Any) -> None:
    alias = schema_editor.connection.alias
    for group in apps.get_model("auth", "Group").objects.using(alias).filter(name__in=ADDED):
        group.permissions.add(*permissions_of(apps, alias, group.name))


def revoke(apps: Any, schema_editor: Any) -> None:
    alias = schema_editor.connection.alias
    for group in apps.get_model("auth", "Group").objects.using(alias).filter(name__in=ADDED):
        group.permissions.remove(*permissions_of(apps, alias, group.name))


class Migration(migrations.Migration):
    dependencies = [("profiles", "0008_voting_period")]

    operations = [migrations.RunPython(grant, revoke)]
