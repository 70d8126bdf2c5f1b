"""What operators do about one person: each thing on a page of its own, with a reason, which is logged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import OperationalError, transaction
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from users import accounts, phones
from users.admin.lists import BrowsedAdmin
from users.models import User

NOTHING_LEFT = _("There is nothing to do any more: see how the person stands now.")


@dataclass(frozen=True)
class Action:
    """One thing that an operator may do about a person."""

    # In the address of its page.
    name: str
    title: str | Promise
    # What happens then, in words.
    meaning: str | Promise
    # Whether there is anything to do now.
    applies: Callable[[User], bool]
    # Do it; what was done, in words for the log, or nothing where it does not apply any more.
    do: Callable[[User], str]
    # It cannot be undone: for superusers, who say once more that they mean it.
    final: bool = False
    # What it is done to, if it could be done again and again: a form sent twice is about what is there no more.
    about: Callable[[User], str] = lambda person: ""


class ReasonForm(forms.Form):
    required_css_class = "required"
    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        widget=forms.Textarea({"rows": 3, "class": "vLargeTextField"}),
        help_text=_("It stays in the person's history, also when they are erased. No phone numbers, please."),
    )
    sure = forms.BooleanField(label=_("I know that this cannot be undone."))
    about = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, data: Any = None, *, final: bool, about: str) -> None:
        super().__init__(data, initial={"about": about})
        if not final:
            del self.fields["sure"]

    def clean_reason(self) -> str:
        reason = " ".join(self.cleaned_data["reason"].split())
        if phones.are_in(reason):
            raise ValidationError(_("There is a phone number in it: it would stay when the person is erased."))
        return reason


def _has_live_device(person: User) -> bool:
    return person.devices.filter(Q(ended_at=None) | Q(trust_hash__isnull=False)).exists()


def _disable(person: User) -> str:
    return gettext("Disabled the person.") if accounts.disable(person) else ""


def _enable(person: User) -> str:
    return gettext("Enabled the person.") if accounts.enable(person) else ""


def _end_devices(person: User) -> str:
    return gettext("Ended all devices.") if accounts.revoke_devices(person) else ""


DISABLE = Action(
    "disable",
    _("Disable"),
    _(
        "The person is signed out everywhere at once and cannot sign in. Their invite code does not exist for others"
        " and nobody sees them; their own vote stays counted. You can enable them again."
    ),
    lambda person: person.is_active,
    _disable,
)
ENABLE = Action(
    "enable",
    _("Enable"),
    _("The person can sign in again, on any device anew, and their invite code works again."),
    lambda person: not person.is_active and not person.erased_at,
    _enable,
)
END_DEVICES = Action(
    "end-devices",
    _("End all devices"),
    _("The person is signed out everywhere at once, and no device is known any more. They can sign in again by SMS."),
    _has_live_device,
    _end_devices,
)


class ActedOnAdmin(BrowsedAdmin):
    """Gives people's admin the pages of the actions, and links to those that apply."""

    person_actions: ClassVar[tuple[Action, ...]] = (DISABLE, ENABLE, END_DEVICES)

    def may_act(self, request: HttpRequest, action: Action, person: User) -> bool:
        """Whoever may change people, others than themselves; operators, and what cannot be undone, only superusers."""
        for_superusers = action.final or person.is_staff or person.is_superuser
        allowed = not for_superusers or bool(getattr(request.user, "is_superuser", False))
        return allowed and person.pk != request.user.pk and self.has_change_permission(request)

    def get_urls(self) -> list[URLPattern]:
        pages = [
            path(f"<int:person_id>/{action.name}/", self._page_of(action), name=f"users_user_{action.name}")
            for action in self.person_actions
        ]
        return [*pages, *super().get_urls()]

    def _page_of(self, action: Action) -> Any:
        def page(request: HttpRequest, person_id: int) -> HttpResponse:
            return self.act(request, person_id, action)

        return self.admin_site.admin_view(page)

    def act(self, request: HttpRequest, person_id: int, action: Action) -> HttpResponse:
        person = self.get_object(request, str(person_id))
        if not isinstance(person, User):
            raise Http404
        if not self.may_act(request, action, person):
            raise PermissionDenied
        data = request.POST if request.method == "POST" else None
        form = ReasonForm(data, final=action.final, about=action.about(person))
        if not action.applies(person):
            messages.warning(request, NOTHING_LEFT)
        elif form.is_valid():
            self._do(request, action, person, **form.cleaned_data)
        else:
            return self._ask(request, action, person, form)
        return HttpResponseRedirect(reverse("admin:users_user_change", args=[person_id]))

    def _do(self, request: HttpRequest, action: Action, person: User, reason: str, about: str, **_sure: bool) -> None:
        """The deed and its line in the log, or neither."""
        try:
            with transaction.atomic():
                accounts.lock(person.pk)
                done = action.do(person) if action.about(person) == about else ""
                if done:
                    person.refresh_from_db()  # an erased person is not called by their phone
                    logged = {"done": done, "reason": reason}
                    self.log_change(request, person, gettext("%(done)s Reason: %(reason)s") % logged)
        except OperationalError:  # a lock that was not had in time
            messages.error(request, _("Nothing was done: the person is busy at this moment. Try again."))
            return
        if done:
            messages.success(request, done)
        else:
            messages.warning(request, NOTHING_LEFT)

    def _ask(self, request: HttpRequest, action: Action, person: User, form: ReasonForm) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, "original": person}
        context |= {"title": action.title, "subtitle": person, "action": action, "form": form}
        context["back"] = _("Back to the person")
        return TemplateResponse(request, "admin/users/user/action.html", context)

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().change_view(request, object_id, *args, **kwargs)
        if isinstance(response, TemplateResponse) and response.context_data:
            person = response.context_data["original"]
            response.context_data["person_actions"] = [
                (reverse(f"admin:users_user_{action.name}", args=[person.pk]), action)
                for action in self.person_actions
                if self.may_act(request, action, person) and action.applies(person)
            ]
        return response
