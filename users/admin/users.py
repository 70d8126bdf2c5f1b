"""People and devices for operators; codes and SMS are in `admin_sms`.

Nobody is deleted here, no code is ever shown, and a phone only masked: its digits must not come together from several
columns either. Whoever may see a whole number asks for it, one at a time, and that is logged.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm, UserChangeForm
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.forms import Form, ModelForm
from django.http import Http404, HttpRequest, HttpResponse
from django.template.defaultfilters import yesno
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.text import get_text_list
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from users import accounts, phones
from users.admin import deliveries as deliveries  # with its lists
from users.admin.actions import ActedOnAdmin
from users.admin.diagnosis_page import DiagnosedAdmin
from users.admin.export import ExportedAdmin
from users.admin.lists import SEES_PHONES, Choice, ReadOnlyAdmin, named_columns
from users.admin.user_page import PersonPage
from users.models import Device, User

OPERATOR_FIELDS = ("is_staff", "is_superuser", "groups", "user_permissions")


def is_superuser(request: HttpRequest) -> bool:
    return bool(getattr(request.user, "is_superuser", False))


def is_operator(person: User) -> bool:
    return person.is_staff or person.is_superuser


def value_in_words(value: Any) -> str:
    """A form's value as the log tells it: yes or no, or the names of what was chosen."""
    if isinstance(value, QuerySet):
        return get_text_list([str(one) for one in value], gettext("and")) or "—"
    return str(yesno(value))


class PersonForm(UserChangeForm):  # type: ignore[type-arg]
    class Meta:
        model = User
        fields = OPERATOR_FIELDS


class PasswordAlone:
    """A form that writes the password and nothing else: while it is hashed, the person may be erased or disabled."""

    def save(self, commit: bool = True) -> User:
        user: User = super().save(commit=False)  # type: ignore[misc]
        User.objects.filter(pk=user.pk, erased_at=None).update(password=user.password)
        return user


class PasswordForm(PasswordAlone, AdminPasswordChangeForm):  # type: ignore[type-arg]
    pass


class Standing(Choice):
    """The people whom an operator looks for among all others: for each choice there is an index of just those."""

    title = _("standing")
    parameter_name = "standing"
    choices_offered = {
        "operator": (_("operator"), {"is_staff": True}),
        "unverified": (_("not verified"), {"verified_at": None}),
        "disabled": (_("disabled"), {"is_active": False, "erased_at": None}),
        "erased": (_("erased"), {"erased_at__isnull": False}),
    }


@admin.register(User)
class PersonAdmin(ActedOnAdmin, PersonPage, DiagnosedAdmin, ExportedAdmin, UserAdmin):  # type: ignore[type-arg]
    phone_lookup = "phone"
    form = PersonForm
    change_password_form = PasswordForm
    empty_value_display = "—"
    ordering = ("-pk",)
    list_display = ("masked", "id", "is_active", "verified_at", "last_login", "created_at", "is_staff")
    list_filter = (Standing,)
    exported = named_columns(User, "id phone is_active verified_at last_login created_at erased_at is_staff")
    readonly_fields = ("masked", "is_active", "created_at", "verified_at", "last_login", "erased_at")

    @admin.display(description=_("phone"))
    def masked(self, person: User) -> str:
        return phones.mask(person.phone) if person.phone else "—"

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """A person's form makes operators, so it is for superusers; others have the actions. The erased stay as is."""
        if isinstance(obj, User) and (obj.erased_at or not is_superuser(request)):
            return False
        return super().has_change_permission(request, obj)

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        password = ("password",) if is_superuser(request) else ()
        rarely = () if isinstance(obj, User) and is_operator(obj) else ("collapse",)
        return (
            (None, {"fields": (("masked", "is_active"), ("created_at", "verified_at"), ("last_login", "erased_at"))}),
            (_("Operator"), {"fields": (*password, *OPERATOR_FIELDS), "classes": rarely}),
        )

    def save_model(self, request: HttpRequest, obj: User, form: ModelForm[User], change: bool) -> None:
        """Save what was changed and nothing else: the person may be signing in this very moment."""
        if roles := {name: getattr(obj, name) for name in {"is_staff", "is_superuser"}.intersection(form.changed_data)}:
            accounts.set_role(obj, **roles)

    def construct_change_message(self, request: HttpRequest, form: Form, formsets: Any, add: bool = False) -> Any:
        """For the log: what was changed, and to what. Of a password only that it was."""
        if not isinstance(form, PersonForm) or not form.changed_data:
            return super().construct_change_message(request, form, formsets, add)
        return "; ".join(f"{form[name].label}: {value_in_words(form.cleaned_data[name])}" for name in form.changed_data)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        if not is_superuser(request):
            raise PermissionDenied
        response = super().user_change_password(request, id, form_url)
        if isinstance(response, TemplateResponse) and response.context_data:
            shown = response.context_data["original"]
            response.context_data["title"] = _("Password of %(person)s") % {"person": shown}
            shown.phone = str(shown)  # this copy is for the page, which would show it whole
        return response

    def get_urls(self) -> list[URLPattern]:
        show = self.admin_site.admin_view(self.show_phone)
        return [path("<int:person_id>/phone/", show, name="users_user_phone"), *super().get_urls()]

    @method_decorator(require_POST)
    def show_phone(self, request: HttpRequest, person_id: int) -> HttpResponse:
        """Show the whole number once, after a line in the log about it."""
        if not request.user.has_perm(SEES_PHONES) or not self.has_view_permission(request):
            raise PermissionDenied
        person = self.get_object(request, str(person_id))
        if person is None or not person.phone:
            raise Http404
        self.log_change(request, person, gettext("Saw the whole phone number."))
        context = {**self.admin_site.each_context(request), "opts": self.opts, "original": person}
        context |= {"title": _("Whole phone number"), "phone": person.phone, "back": _("Back to the person")}
        return TemplateResponse(request, "admin/users/user/phone.html", context)

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().change_view(request, object_id, *args, **kwargs)
        data = isinstance(response, TemplateResponse) and response.context_data
        if data and data["original"].phone and request.user.has_perm(SEES_PHONES):
            data["show_phone"] = _("Show the whole number")
        return response


admin.site.unregister(Group)


@admin.register(Group)
class RolesAdmin(GroupAdmin):
    """Whoever changes a group that they are in gives rights to themselves."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return is_superuser(request)


@admin.register(Device)
class DeviceAdmin(ReadOnlyAdmin):
    list_display = ("id", "user", "user_agent", "signed_in_at", "refreshed_at", "ended_at", "trusted_until")
    list_select_related = ("user",)
    ordering = ("-pk",)
    fields = ("user", "user_agent", "created_at", "signed_in_at", "refreshed_at", "ended_at", "trusted_until")
