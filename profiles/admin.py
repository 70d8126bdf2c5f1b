"""Profiles and votes for operators: to look at. A vote is given and taken back by people, not by hand."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.utils.translation import gettext_lazy as _

from profiles import invite_codes
from profiles.models import Activation, Profile
from users import phones
from users.admin_lists import COUNTED_ROWS, Choice, ReadOnlyAdmin


class HasActivated(Choice):
    title = _("has activated a code")
    parameter_name = "has_activated"
    choices_offered = {
        "1": (_("Yes"), {"activation__isnull": False}),
        "0": (_("No"), {"activation__isnull": True}),
    }


def find(text: str) -> QuerySet[Profile]:
    """Profiles by exact phone, in any spelling, or by invite code."""
    phone = phones.normalise_or_empty(text)
    if phone:
        return Profile.objects.filter(user__phone=phone)
    try:
        return Profile.objects.filter(invite_code=invite_codes.normalise(text))
    except invite_codes.MalformedInviteCode:
        return Profile.objects.none()


@admin.register(Profile)
class ProfileAdmin(ReadOnlyAdmin):
    list_display = ("invite_code", "phone", "invitations_count", "chose", "created_at", "is_active")
    list_filter = (HasActivated, "created_at")
    list_select_related = ("user", "activation__inviter")
    ordering = ("-created_at",)
    sortable_by = ("invitations_count", "created_at")
    fields = ("user", *list_display)

    def search(self, queryset: QuerySet[Model], text: str) -> QuerySet[Model]:
        return queryset.filter(pk__in=find(text))

    @admin.display(description=_("phone"))
    def phone(self, profile: Profile) -> str:
        return str(profile.user)

    @admin.display(description=_("active"), boolean=True)
    def is_active(self, profile: Profile) -> bool:
        return profile.user.is_active

    @admin.display(description=_("activated"), empty_value="—")
    def chose(self, profile: Profile) -> str | None:
        vote = getattr(profile, "activation", None)
        return vote and str(vote.inviter)


@admin.register(Activation)
class ActivationAdmin(ReadOnlyAdmin):
    list_display = ("invitee", "invitee_phone", "inviter", "inviter_phone", "created_at")
    list_filter = ("created_at",)
    list_select_related = ("invitee__user", "inviter__user")
    ordering = ("-created_at",)
    fields = list_display

    def search(self, queryset: QuerySet[Model], text: str) -> QuerySet[Model]:
        # Looked up first: an OR across joins would use no index, and a celebrity's votes would all be read and sorted.
        found = list(find(text).values_list("pk", flat=True))
        received = Activation.objects.filter(inviter__in=found).order_by("-created_at", "-pk")
        return queryset.filter(pk__in=[*found, *received.values_list("pk", flat=True)[:COUNTED_ROWS]])

    @admin.display(description=_("invitee's phone"))
    def invitee_phone(self, vote: Activation) -> str:
        return str(vote.invitee.user)

    @admin.display(description=_("inviter's phone"))
    def inviter_phone(self, vote: Activation) -> str:
        return str(vote.inviter.user)
