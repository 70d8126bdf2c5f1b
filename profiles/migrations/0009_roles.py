"""Three groups for operators: viewer, support and manager. A group of that name that exists already stays as it is.

Django creates permissions only after all migrations, so those that are missing are created here, as Django would.
"""

from __future__ import annotations

from typing import Any

from django.db import migrations

_JOB = "procrastinate.procrastinatejob"
VIEWER = {
    "users.user": ["view_user"],
    "users.smsgateway": ["view_smsgateway"],
    "users.sitetotals": ["view_sitetotals"],
    "profiles.profile": ["view_profile"],
    "profiles.activation": ["view_activation"],
    "profiles.votingperiod": ["view_votingperiod"],
    "profiles.result": ["view_result"],
}
SUPPORT = {
    **VIEWER,
    "users.device": ["view_device"],
    "users.logincode": ["view_logincode"],
    "users.smsdelivery": ["view_smsdelivery"],
}
MANAGER = {
    **SUPPORT,
    "users.user": ["view_user", "change_user", "view_phone"],
    "profiles.votingperiod": ["view_votingperiod", "change_votingperiod"],
    _JOB: ["view_procrastinatejob", "change_procrastinatejob"],
}
ROLES = {"viewer": VIEWER, "support": SUPPORT, "manager": MANAGER}
NAMES = {"view_phone": "Can see full phone numbers", "view": "Can view {}", "change": "Can change {}"}


def permissions_of(apps: Any, alias: str, role: dict[str, list[str]]) -> list[Any]:
    types = apps.get_model("contenttypes", "ContentType").objects.using(alias)
    permissions = apps.get_model("auth", "Permission").objects.using(alias)
    found = []
    for model, codenames in role.items():
        app_label, name = model.split(".")
        kind, _ = types.get_or_create(app_label=app_label, model=name)
        for codename in codenames:
            pattern = NAMES.get(codename) or NAMES[codename.partition("_")[0]]
            given = {"name": pattern.format(codename.partition("_")[2])}
            found.append(permissions.get_or_create(content_type=kind, codename=codename, defaults=given)[0])
    return found


def make_roles(apps: Any, schema_editor: Any) -> None:
    alias = schema_editor.connection.alias
    groups = apps.get_model("auth", "Group").objects.using(alias)
    for name, role in ROLES.items():
        group, is_new = groups.get_or_create(name=name)
        if is_new:
            group.permissions.set(permissions_of(apps, alias, role))


def delete_roles(apps: Any, schema_editor: Any) -> None:
    """Delete the groups, unless somebody has changed what they allow or belongs to them."""
    alias = schema_editor.connection.alias
    groups = apps.get_model("auth", "Group").objects.using(alias)
    members = apps.get_model("users", "User").groups.through.objects.using(alias)
    for name, role in ROLES.items():
        wanted = {permission.pk for permission in permissions_of(apps, alias, role)}
        for group in groups.filter(name=name):
            is_ours = set(group.permissions.values_list("pk", flat=True)) == wanted
            if is_ours and not members.filter(group=group).exists():
                group.delete()


class Migration(migrations.Migration):
    dependencies = [
        ("profiles", "0008_results"),
        ("users", "0022_index_of_last_digits"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(make_roles, delete_roles)]
