"""The permissions that mean something here, and the groups that come with the service, as operators read them.

Django has four permissions for each table, named in English. Most of them allow nothing in this admin.
"""

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.forms import CheckboxSelectMultiple, ModelMultipleChoiceField
from django.utils.translation import gettext_lazy as _

# By code name, in the order in which the forms offer them.
MEANINGS = {
    "view_user": _("See users, with masked phone numbers, and the numbers on the home page"),
    "view_profile": _("See profiles and invite codes"),
    "view_activation": _("See activations"),
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
    "change_user": _("Disable and enable users, revoke devices, release votes, replace invite codes"),
    "view_procrastinatejob": _("See jobs"),
    "change_procrastinatejob": _("Run jobs again, cancel and abort them"),
    "view_group": _("See groups"),
}

# The groups that a migration makes, by their names in the database.
ROLES = {"viewer": _("Viewer"), "support": _("Support"), "manager": _("Manager")}


def title(one: Any) -> str:
    """The name of a permission, of a group or of something else in the current language."""
    if isinstance(one, Permission):
        return str(MEANINGS.get(one.codename, one.name))
    if isinstance(one, Group):
        return str(ROLES.get(one.name, one.name))
    return str(one)


class TitledField(ModelMultipleChoiceField):  # type: ignore[type-arg]
    """A choice of permissions or groups."""

    def label_from_instance(self, obj: Any) -> str:
        return title(obj)


class TitlesAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Lets a form choose from the permissions that mean something, and names them and the groups."""

    filter_horizontal: ClassVar[tuple[str, ...]] = ()

    def formfield_for_manytomany(self, db_field: Any, request: Any = None, **kwargs: Any) -> Any:
        if db_field.remote_field.model is Permission:
            kwargs["queryset"] = Permission.objects.filter(codename__in=MEANINGS)
        kwargs |= {"form_class": TitledField, "widget": CheckboxSelectMultiple}
        field: Any = super().formfield_for_manytomany(db_field, request=request, **kwargs)
        field.help_text = ""  # Django's own explains a list in which several are chosen by a key
        return field
