"""The page of a person that tells why a code did not arrive. It shows no code, and the phone only masked."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from users import phones
from users.admin import diagnosis_texts
from users.admin.lists import BrowsedAdmin
from users.clock import database_now
from users.login import diagnosis
from users.models import User

SEES_DELIVERIES = "users.view_smsdelivery"


class DiagnosedAdmin(BrowsedAdmin):
    """Gives people's admin the page, a link to it, and a word about numbers that are nobody's."""

    def get_urls(self) -> list[URLPattern]:
        show = self.admin_site.admin_view(self.show_diagnosis)
        return [path("<int:person_id>/diagnosis/", show, name="users_user_diagnosis"), *super().get_urls()]

    @method_decorator(require_GET)
    def show_diagnosis(self, request: HttpRequest, person_id: int) -> HttpResponse:
        if not self.may_diagnose(request):
            raise PermissionDenied
        person = self.get_object(request, str(person_id))
        if not isinstance(person, User):
            raise Http404
        found = diagnosis.diagnose(person, database_now())
        context = {**self.admin_site.each_context(request), "opts": self.opts, "original": person}
        context |= {"title": _("Why did the code not arrive?"), "subtitle": person}
        context |= {
            "findings": diagnosis_texts.findings(found),
            "tables": diagnosis_texts.tables(found),
            "times": diagnosis_texts.times(found),
        }
        return TemplateResponse(request, "admin/users/user/diagnosis.html", context)

    def may_diagnose(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request) and request.user.has_perm(SEES_DELIVERIES)

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().change_view(request, object_id, *args, **kwargs)
        if isinstance(response, TemplateResponse) and response.context_data and self.may_diagnose(request):
            response.context_data["show_diagnosis"] = _("Why did the code not arrive?")
        return response

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        nobody = why_nobody(request.GET.get("q", ""))
        return super().changelist_view(request, {**(extra_context or {}), "nobody": nobody})


def why_nobody(text: str) -> str:
    """Why no person is found by what was typed; nothing if one is."""
    try:
        if not text.strip() or User.objects.filter(phone=phones.normalise(text)).exists():
            return ""
    except phones.InvalidPhone:
        return _("This is not the number of a mobile phone: no code is sent to it.")
    except phones.RegionNotAllowed:
        return _("Numbers of this country are not served, see PHONE_REGIONS: no code is sent to it.")
    return _("Nobody has this number: no code was sent to it lately. If one was asked for, that was refused.")
