"""People, devices, codes and deliveries for operators. Nobody is deleted here, and no code is ever shown."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin import EmptyFieldListFilter
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm, UserChangeForm
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from users import people, phones
from users.models import Device, LoginCode, SmsDelivery, User

COUNTED_ROWS = 10_000
"""Rows of a list that are counted and paged through: who wants one beyond them searches or filters."""


class CappedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no further than COUNTED_ROWS: a full count of a large table takes longer than its page."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[:COUNTED_ROWS].count())


class BrowsedAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """A list that stays quick on large tables, searched by exact phone; rows are not added or deleted by hand.

    Filters that list all values of a column and orders without an index are left out: they read the whole table.
    """

    paginator = CappedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    sortable_by: ClassVar[tuple[str, ...]] = ()
    list_per_page = 50
    phone_lookup = "user__phone"

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return (self.phone_lookup,)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Model], search_term: str
    ) -> tuple[QuerySet[Model], bool]:
        return (self.search(queryset, search_term) if search_term.strip() else queryset), False

    def search(self, queryset: QuerySet[Model], text: str) -> QuerySet[Model]:
        phone = phone_of(text)
        return queryset.filter(**{self.phone_lookup: phone}) if phone else queryset.none()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ReadOnlyAdmin(BrowsedAdmin):
    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def phone_of(text: str) -> str:
    """The E.164 form of a typed phone, or nothing."""
    try:
        return phones.normalise(text)
    except (phones.InvalidPhone, phones.RegionNotAllowed):
        return ""


class PhoneLoginForm(AdminAuthenticationForm):
    """The admin's log-in takes a phone in any spelling, which may be longer than the stored one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].max_length = phones.MAX_LENGTH  # type: ignore[attr-defined]
        self.fields["username"].widget.attrs["maxlength"] = phones.MAX_LENGTH


admin.site.login_form = PhoneLoginForm
admin.site.site_header = admin.site.site_title = "inviting_app"
admin.site.site_url = None


class PersonForm(UserChangeForm):  # type: ignore[type-arg]
    class Meta:
        model = User
        fields = ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")


class PasswordForm(AdminPasswordChangeForm):  # type: ignore[type-arg]
    def save(self, commit: bool = True) -> User:
        """Write the password and nothing else: hashing takes long enough for the person to be erased meanwhile."""
        user: User = super().save(commit=False)
        User.objects.filter(pk=user.pk, erased_at=None).update(password=user.password)
        return user


@admin.register(User)
class PersonAdmin(BrowsedAdmin, UserAdmin):  # type: ignore[type-arg]
    phone_lookup = "phone"
    form = PersonForm
    change_password_form = PasswordForm
    ordering = ("-pk",)
    list_display = ("display_phone", "is_active", "verified_at", "last_login", "created_at", "is_staff")
    list_filter = (
        "is_active",
        "is_staff",
        ("verified_at", EmptyFieldListFilter),
        ("erased_at", EmptyFieldListFilter),
        "created_at",
    )
    readonly_fields = ("display_phone", "created_at", "verified_at", "last_login", "erased_at")
    fieldsets = (
        (None, {"fields": ("display_phone", "is_active", "created_at", "verified_at", "last_login", "erased_at")}),
        (_("Operator"), {"fields": ("password", "is_staff", "is_superuser", "groups", "user_permissions")}),
    )

    @admin.display(description=_("phone"), ordering="phone", empty_value="—")
    def display_phone(self, person: User) -> str | None:
        return person.phone

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        erased = isinstance(obj, User) and obj.erased_at is not None
        return not erased and super().has_change_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: User, form: ModelForm[User], change: bool) -> None:
        """Save what was changed and nothing else: the person may be signing in this very moment."""
        changed = set(form.changed_data)
        if "is_active" in changed:
            (people.enable if obj.is_active else people.disable)(obj)
        obj.save(update_fields=changed & {"is_staff", "is_superuser"})


@admin.register(Device)
class DeviceAdmin(ReadOnlyAdmin):
    list_display = ("id", "user", "user_agent", "signed_in_at", "refreshed_at", "ended_at", "trusted_until")
    list_filter = ("signed_in_at", ("ended_at", EmptyFieldListFilter))
    list_select_related = ("user",)
    ordering = ("-pk",)
    fields = ("user", "user_agent", "created_at", "signed_in_at", "refreshed_at", "ended_at", "trusted_until")


@admin.register(LoginCode)
class LoginCodeAdmin(ReadOnlyAdmin):
    list_display = ("id", "user", "digits", "device", "challenges", "wrong", "created_at", "expires_at", "used_at")
    list_filter = (("used_at", EmptyFieldListFilter), "created_at")
    list_select_related = ("user", "device")
    ordering = ("-pk",)
    fields = (*list_display, "language", "sent_at", "open_until", "closed_at")


@admin.register(SmsDelivery)
class SmsDeliveryAdmin(ReadOnlyAdmin):
    phone_lookup = "login_code__user__phone"
    list_display = ("id", "address", "state", "gateway", "error", "created_at", "finished_at")
    list_filter = ("state", "created_at")
    ordering = ("-pk",)
    fields = (*list_display, "channel", "gateway_ref", "country", "prefix", "login_code")
