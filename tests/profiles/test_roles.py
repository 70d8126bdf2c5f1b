"""The groups of operators that come with the service."""

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test import Client

from tests.support.accounts import SignedInUser
from tests.support.operators import at_work, helper, operator, page_of
from users.admin.permissions import MEANINGS, ROLES
from users.models import User

pytestmark = pytest.mark.django_db

roles: Any = import_module("profiles.migrations.0009_roles")
webhooks: Any = import_module("profiles.migrations.0011_webhooks")
ALL = {**roles.ROLES, "manager": roles.MANAGER | webhooks.MANAGER}


@pytest.fixture(autouse=True)
def made() -> None:
    """A test that empties all tables deletes the groups too."""
    make()


def make() -> None:
    with connection.schema_editor() as editor:
        roles.make_roles(apps, editor)
        webhooks.let_managers(apps, editor)


def reverse() -> None:
    with connection.schema_editor() as editor:
        webhooks.stop_managers(apps, editor)
        roles.delete_roles(apps, editor)


def member(role: str) -> Client:
    user = operator("9991119997")
    user.groups.add(Group.objects.get(name=role))
    return at_work(user)


def test_permissions_are_those_that_django_makes() -> None:
    assert set(Group.objects.values_list("name", flat=True)) == set(ALL) == set(ROLES)
    for name, role in ALL.items():
        found = Group.objects.get(name=name).permissions.select_related("content_type")
        assert {(one.content_type.app_label, one.codename) for one in found} == {
            (model.split(".")[0], codename) for model, codenames in role.items() for codename in codenames
        }
    Permission.objects.all().delete()
    Group.objects.all().delete()
    make()
    assert Group.objects.get(name="manager").permissions.count() == 18


@pytest.mark.parametrize(
    ("role", "opens", "refuses"),
    [
        ("viewer", ["", "users/user/", "profiles/activation/"], ["users/device/", "users/user/{}/diagnosis/"]),
        ("support", ["users/device/", "profiles/result/"], ["users/user/{}/disable/", "profiles/webhookendpoint/"]),
        (
            "manager",
            ["users/user/{}/disable/", "procrastinate/procrastinatejob/", "profiles/webhookendpoint/add/"],
            ["users/user/{}/erase/", "profiles/votingperiod/publish/"],
        ),
    ],
)
def test_role_opens_its_pages_and_no_others(
    alice: SignedInUser, role: str, opens: list[str], refuses: list[str]
) -> None:
    browser = member(role)

    for paths, status in ((opens, 200), (refuses, 403)):
        for path in paths:
            assert browser.get(f"/admin/{path.format(alice.profile.pk)}").status_code == status, path


def test_full_phones_are_for_managers(alice: SignedInUser) -> None:
    path = f"/admin/users/user/{alice.profile.pk}/phone/"

    assert [member(role).post(path).status_code for role in ("viewer", "support")] == [403, 403]
    assert alice.phone in member("manager").post(path).text


def test_groups_in_use_or_changed_survive_the_reversal() -> None:
    operator("9991119997").groups.add(Group.objects.get(name="viewer"))
    Group.objects.get(name="support").permissions.clear()

    reverse()

    assert set(Group.objects.values_list("name", flat=True)) == {"viewer", "support"}


def test_managers_with_permissions_of_your_own_get_no_others() -> None:
    manager = Group.objects.get(name="manager")
    manager.permissions.set(Permission.objects.filter(codename="view_result"))

    make()

    assert [one.codename for one in manager.permissions.all()] == ["view_result"]


def test_forms_offer_each_permission_that_a_list_or_a_role_needs() -> None:
    lists = {f"view_{model._meta.model_name}" for model in apps.get_models() if admin.site.is_registered(model)}
    used = {codename for role in ALL.values() for codenames in role.values() for codename in codenames}

    assert lists | used == set(MEANINGS)


def test_operators_who_may_not_change_permissions_read_their_meanings(alice: SignedInUser) -> None:
    group = Group.objects.get(name="viewer")
    User.objects.filter(pk=alice.profile.pk).update(is_staff=True)
    alice.profile.user.groups.add(group)
    reader = helper("view_user", "view_group")

    pages = [reader.get(page_of(alice.profile.pk)).text, reader.get(f"/admin/auth/group/{group.pk}/change/").text]

    assert "Viewer" in pages[0]
    assert "See users, with masked phone numbers" in pages[1]
    assert not any("Can view" in page or 'type="checkbox"' in page for page in pages)
