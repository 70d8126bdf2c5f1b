"""Users and groups in the admin. `profiles.admin.user_page` registers users, with what votes add to them.

A phone number is masked on every page but one, as `+7***4567`: `User.__str__` calls `users.phones.mask`. No combination
of columns may reveal more of it. `PhoneView` shows the full number, and each view is logged. An export has full numbers
only for an operator who may see that page (SEES_PHONES), and the log says so. Users are not deleted here, and no code
is ever shown.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth import admin as auth_admin
from django.contrib.auth import logout as log_out
from django.contrib.auth.forms import UserChangeForm
from django.db.models import Model, QuerySet
from django.forms import Form, ModelForm
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop as N_
from django_otp.plugins.otp_static.admin import StaticDevice
from django_otp.plugins.otp_totp.admin import TOTPDevice

from users import accounts
from users.admin import search, user_state
from users.admin.actions import OF_USERS, Action
from users.admin.export import ExportAdmin
from users.admin.forms import OperatorForm, PasswordForm
from users.admin.lists import ChoiceFilter, shown
from users.admin.permissions import TitlesAdmin, name, title
from users.admin.user_views import ActionView, DiagnosisView, PhoneView, UserView
from users.login.diagnosis import last_sends
from users.models import User
from users.operators import history, logins, second_factor

# The most rows of a table on the page of a user, so that it is equally quick for every user.
ROWS_SHOWN = 50

# The newest actions of operators that the page of a user shows. The whole history has a page of its own.
ACTIONS_SHOWN = 3

TIMES = ("created_at", "verified_at", "last_login", "erased_at")
OPERATOR_FIELDS = ("is_staff", "is_superuser", "groups", "user_permissions")


class UserStatusFilter(ChoiceFilter):
    """The few users that operators look for among all others. Each choice has a partial index."""

    title = _("status")
    parameter_name = "standing"
    choices_offered = {
        "operator": (_("operator"), {"is_staff": True}),
        "unverified": (_("not verified"), {"verified_at": None}),
        "disabled": (_("disabled"), {"is_active": False, "erased_at": None}),
        "erased": (_("erased"), {"erased_at__isnull": False}),
        "test": (_("test user"), {"is_test": True}),
    }


class UserAdmin(TitlesAdmin, ExportAdmin, auth_admin.UserAdmin):  # type: ignore[type-arg]
    search_fields = ("phone",)
    form = OperatorForm
    change_password_form = PasswordForm
    list_display = ("marked", "id", "verified_at", "last_login", "created_at")
    list_filter = (UserStatusFilter,)
    exported = {
        "id": "ID",
        "phone": _("phone"),
        "is_active": _("active"),
        "verified_at": _("verified"),
        "last_login": _("last sign-in"),
        "created_at": _("created"),
        "erased_at": _("erased"),
        "is_staff": _("operator"),
        "is_test": _("test user"),
    }
    readonly_fields = (*TitlesAdmin.readonly_fields, "role", "masked", "state", "id", *TIMES)
    # What the page of a user offers to do.
    user_actions: ClassVar[tuple[Action, ...]] = OF_USERS

    class Media:
        css: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("users/user.css",)}

    def find_users(self, text: str) -> list[int]:
        """The ids of the users whom a search of any list is about."""
        return search.find(text)

    @admin.display(description=_("phone"))
    def masked(self, user: User) -> str:
        """The first two and the last four characters of the phone: `+7***4567`. An erased user has none."""
        return gettext("deleted") if user.erased_at else str(user)

    @admin.display(description=_("state"))
    def state(self, user: User) -> str:
        return user_state.state(user)

    @admin.display(description=_("phone"))
    def marked(self, user: User) -> str:
        """The same in the list, with the states that an operator must not overlook."""
        return user_state.with_states(user)

    @admin.display(description=_("operator"))
    def role(self, user: User) -> str:
        """Whether it is a superuser, and the groups."""
        superuser = [gettext("superuser")] if user.is_superuser else []
        return shown(", ".join([*superuser, *(title(group) for group in user.groups.all())]))

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Only superusers use the form, because it makes operators. Others use the actions.

        A user who may not become an operator, such as a test user, has no form.
        """
        if isinstance(obj, User):
            return request.user.is_superuser and not obj.erased_at and accounts.may_be_operator(obj)
        return request.user.has_perm("users.change_user")

    def may_act(self, request: HttpRequest, action: Action, user: User) -> bool:
        """Whether this operator may do this to this user: not to themselves.

        What is final, and what is done to operators, is for superusers.
        """
        for_superusers = action.final or user.is_staff or user.is_superuser
        allowed = request.user.is_superuser or not for_superusers
        return allowed and user.pk != request.user.pk and self.has_change_permission(request)

    def get_urls(self) -> list[URLPattern]:
        def page(name: str, view: type[UserView], **options: Any) -> URLPattern:
            for_operators = self.admin_site.admin_view(view.as_view(model_admin=self, **options))
            return path(f"<int:user_id>/{name}/", for_operators, name=f"users_user_{name}")

        actions = [page(one.name, ActionView, action=one, title=one.title) for one in self.user_actions]
        return [page("diagnosis", DiagnosisView), page("phone", PhoneView), *actions, *super().get_urls()]

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        user = self.get_object(request, object_id)
        own = self.page_context(request, user) if user and self.has_view_permission(request, user) else {}
        return super().change_view(request, object_id, form_url, {**own, **(extra_context or {})})

    def page_context(self, request: HttpRequest, user: User) -> dict[str, Any]:
        """What the page of a user shows besides Django's form, as far as the operator's permissions allow."""
        may = request.user.has_perms
        return {
            "show_diagnosis": DiagnosisView.title if not user.erased_at and may(DiagnosisView.permissions) else "",
            "show_phone": _("Show the full number") if user.phone and may(PhoneView.permissions) else "",
            "user_actions": self.offered_to(request, user),
            "disabled": user_state.disabled(user),
            "operator": self._operator(request, user),
            "actions_done": self._history(user),
            "newest": ROWS_SHOWN,
            "devices": user.devices.order_by("-signed_in_at", "-pk")[:ROWS_SHOWN],
            "deliveries": last_sends(user, ROWS_SHOWN) if may(["users.view_smsdelivery"]) else [],
        }

    def offered_to(self, request: HttpRequest, user: User) -> list[tuple[str, Action]]:
        """What this operator can do about this user now, each with the address of its page."""
        offered = [one for one in self.user_actions if self.may_act(request, one, user) and one.applies(user)]
        return [(reverse(f"admin:users_user_{one.name}", args=[user.pk]), one) for one in offered]

    def _history(self, user: User) -> list[LogEntry]:
        """What operators did last, such as why the user is disabled."""
        done = accounts.history(user).select_related("user").order_by("-action_time")
        return list(done[:ACTIONS_SHOWN])

    def _operator(self, request: HttpRequest, user: User) -> dict[str, Any]:
        """An operator's second factor and log-ins, for superusers and for the operator."""
        if not user.is_staff or not (request.user.is_superuser or request.user.pk == user.pk):
            return {}
        return {
            "is_self": request.user.pk == user.pk,
            "has_second_factor": second_factor.is_enrolled(user),
            "recovery_codes_left": second_factor.recovery_codes_left(user),
            "logins": logins.last(user),
        }

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        no_user = search.why_nobody(request.GET.get("q", ""))
        return super().changelist_view(request, {**(extra_context or {}), "no_user": no_user})

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        chosen: tuple[str, ...] = ("password", *OPERATOR_FIELDS)
        if not self.has_change_permission(request, obj) or not request.user.is_superuser:
            chosen = ("is_staff", "is_superuser", "own_groups", "own_permissions")
        is_operator = isinstance(obj, User) and (obj.is_staff or obj.is_superuser)
        role = ("role",) if is_operator else ()
        erased = ("erased_at",) if isinstance(obj, User) and obj.erased_at else ()
        about = (("masked",), ("state", "id"), ("created_at", "verified_at"), ("last_login", *role, *erased))
        if erased:
            return ((None, {"fields": about}),)
        return (
            (None, {"fields": about}),
            (_("Operator"), {"fields": chosen, "classes": () if is_operator else ("collapse",)}),
        )

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "is_superuser":
            kwargs["help_text"] = _("Has every permission.")
        field: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "groups":
            field.widget.can_add_related = False  # the list of groups has this button, with a name
        return field

    def save_model(self, request: HttpRequest, obj: User, form: ModelForm[User], change: bool) -> None:
        """Save the changed fields only: the user may be signing in at this moment."""
        if roles := {name: getattr(obj, name) for name in {"is_staff", "is_superuser"}.intersection(form.changed_data)}:
            accounts.set_role(obj, **roles)

    def response_change(self, request: HttpRequest, obj: User) -> HttpResponse:
        response = super().response_change(request, obj)
        if obj.pk == request.user.pk and not obj.is_staff:
            log_out(request)  # `set_role` has ended this session, so nothing more can be stored in it
        return response

    def construct_change_message(self, request: HttpRequest, form: Form, formsets: Any, add: bool = False) -> Any:
        """The log's message: the changed fields and their new values. Of a password, only that it changed."""
        if not isinstance(form, UserChangeForm) or not form.changed_data:
            return super().construct_change_message(request, form, formsets, add)
        return [
            history.told(
                N_("%(field)s: %(value)s."),
                field=User._meta.get_field(name).verbose_name,  # type: ignore[union-attr]
                value=_logged(form.cleaned_data[name]),
            )
            for name in form.changed_data
        ]

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        response = super().user_change_password(request, id, form_url)
        if isinstance(response, TemplateResponse) and response.context_data:
            user = response.context_data["original"]
            response.context_data["title"] = _("Password of %(user)s") % {"user": user}
            user.phone = str(user)  # Django's template shows the user name, which is the phone number
        return response


def _logged(value: Any) -> Any:
    """A value of the form as the log keeps it: yes or no, or the names of the chosen objects."""
    if isinstance(value, QuerySet):
        return [name(one) for one in value]
    return _("yes") if value else _("no")


# django-otp's own show the secrets and let one operator make a second factor for another.
admin.site.unregister([StaticDevice, TOTPDevice])
