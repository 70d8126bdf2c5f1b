"""Where the admin leads operators."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse


def address(request: HttpRequest, about: Model | type[Model]) -> str:
    """Where the admin shows this object, or the list of this model. Empty for operators who may not see it."""
    model = about if isinstance(about, type) else type(about)
    if not admin.site.get_model_admin(model).has_view_permission(request):
        return ""
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    return reverse(f"{name}_changelist") if model is about else reverse(f"{name}_change", args=[quote(about.pk)])


def back_to_page(on: Any, request: HttpRequest, chosen: list[Any]) -> HttpResponse | None:
    """After an action: the page of the one object, if its button is there. None: the list, as Django does."""
    if "_page" not in request.POST or len(chosen) != 1:
        return None
    return redirect(f"admin:{on.opts.app_label}_{on.opts.model_name}_change", quote(chosen[0]))
