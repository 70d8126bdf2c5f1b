"""The permissions that mean something here, and the groups that come with the service, as operators read them.

Django has four permissions for each table, named in English. Most of them allow nothing in this admin.
"""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.db.models import Case, When
from django.forms import CheckboxSelectMultiple, ModelMultipleChoiceField
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy as _

from users.admin.lists import shown

# By code name, in the order in which the forms offer them.
MEANINGS = {
    "view_user": _("See users, with masked phone numbers, and the numbers on the home page"),
    "view_profile": _("See profiles and invite codes"),
    "view_activation": _("See votes"),
    "view_votingperiod": _("See the voting period"),
    "change_votingperiod": _("Change the voting period"),
    "view_result": _("See the results of the vote"),
    "view_webhookendpoint": _("See webhooks"),
    "view_webhookdelivery": _("See deliveries of webhooks"),
    "change_webhookendpoint": _("Set up webhooks, make their secrets, send events again"),
    "view_smsdelivery": _("See SMS deliveries, and why a code did not arrive"),
    "view_logincode": _("See login codes, without their digits"),
    "view_device": _("See devices"),
    "view_smsgateway": _("See SMS gateways"),
    "view_sitetotals": _("See the totals of the site"),
    "view_phone": _("See full phone numbers, also in exports; the history says who did"),
    "change_user": _("Disable and enable users, end their sessions, release votes, replace invite codes"),
    "view_procrastinatejob": _("See jobs"),
    "change_procrastinatejob": _("Run failed jobs again"),
    "view_group": _("See groups"),
}

# What those do who lack the permission for what is to do.
TELL = _("Tell a superuser.")

# The groups that a migration makes, by their names in the database.
ROLES = {"viewer": _("Viewer"), "support": _("Support"), "manager": _("Manager")}


def advice(may: bool, todo: str) -> str:
    """What is to do, for an operator who may do it. Others can tell somebody."""
    return todo if may or not todo else str(TELL)


def name(one: Any) -> Any:
    """The name of a permission, of a group or of something else: a lazy translation, if there is one."""
    if isinstance(one, Permission):
        return MEANINGS.get(one.codename, one.name)
    return ROLES.get(one.name, one.name) if isinstance(one, Group) else str(one)


def title(one: Any) -> str:
    """The same in the current language."""
    return str(name(one))


class TitledField(ModelMultipleChoiceField):  # type: ignore[type-arg]
    """A choice of permissions or groups."""

    def label_from_instance(self, obj: Any) -> str:
        return title(obj)


def listed(chosen: Iterable[Any]) -> str:
    """Their names one below the other."""
    return format_html_join(mark_safe("<br>"), "{}", ((title(one),) for one in chosen)) or shown(None)


class TitlesAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Lets a form choose from the permissions that mean something, and names them and the groups.

    Those who may not change them read the same names: Django would show its own.
    """

    readonly_fields: ClassVar[Any] = ("own_permissions", "own_groups")

    @admin.display(description=_("permissions"))
    def own_permissions(self, obj: Any) -> str:
        found = (obj.permissions if isinstance(obj, Group) else obj.user_permissions).all()
        return listed(found)

    @admin.display(description=_("groups"))
    def own_groups(self, obj: Any) -> str:
        return listed(obj.groups.all())

    filter_horizontal: ClassVar[tuple[str, ...]] = ()

    def formfield_for_manytomany(self, db_field: Any, request: Any = None, **kwargs: Any) -> Any:
        if db_field.remote_field.model is Permission:
            order = Case(*(When(codename=name, then=place) for place, name in enumerate(MEANINGS)))
            kwargs["queryset"] = Permission.objects.filter(codename__in=MEANINGS).order_by(order)
        kwargs |= {"form_class": TitledField, "widget": CheckboxSelectMultiple}
        field: Any = super().formfield_for_manytomany(db_field, request=request, **kwargs)
        field.help_text = ""  # Django's own explains a list in which several are chosen by a key
        return field
