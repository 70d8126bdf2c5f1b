"""Groups of operators in the admin, with their members and permissions."""

from typing import Any

from django.contrib import admin
from django.contrib.auth import admin as auth_admin
from django.contrib.auth.models import Group
from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _

from users.admin import links
from users.admin.lists import ForgivingAdmin, shown
from users.admin.permissions import ROLES, TitlesAdmin, title
from users.models import User

# The most members that the page of a group shows.
MEMBERS_SHOWN = 50

admin.site.unregister(Group)  # Django's own, as its documentation replaces it


@admin.register(Group)
class GroupAdmin(TitlesAdmin, ForgivingAdmin, auth_admin.GroupAdmin):
    """For superusers: operators who could change their own group could give themselves permissions."""

    new_title = _("New group")
    list_display = ("shown_name", "number")
    readonly_fields = (*TitlesAdmin.readonly_fields, "shown_name", "members")
    search_fields = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        groups: QuerySet[Group] = super().get_queryset(request)
        return groups.annotate(number=Count("user"))

    @admin.display(description=_("members"))
    def number(self, group: Any) -> int:
        return int(group.number)

    @admin.display(description=_("members"))
    def members(self, group: Group) -> str:
        users = User.objects.filter(groups=group).order_by("pk")[:MEMBERS_SHOWN]
        return format_html_join(", ", "{}", ((links.linked(user, user),) for user in users)) or shown(None)

    @admin.display(description=_("name"))
    def shown_name(self, group: Group) -> str:
        return title(group)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.is_superuser

    has_add_permission = has_delete_permission = has_change_permission

    def heading(self, obj: Any) -> str:
        return title(obj)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        """A group that comes with the service keeps its name, which has translations."""
        if not self.has_change_permission(request, obj):
            return ("members", "own_permissions")
        name = "shown_name" if isinstance(obj, Group) and obj.name in ROLES else "name"
        return (name, "members", "permissions") if obj else (name, "permissions")
