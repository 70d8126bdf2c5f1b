"""Where the admin leads operators."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html


def page(about: Model | type[Model]) -> str:
    """Where the admin shows this object, or the list of this model."""
    name = f"admin:{about._meta.app_label}_{about._meta.model_name}"
    if isinstance(about, type):
        return reverse(f"{name}_changelist")
    return reverse(f"{name}_change", args=[quote(about.pk)])


def linked(about: Model, text: Any) -> str:
    """This text as a link to the page of the object."""
    return format_html('<a href="{}">{}</a>', page(about), text)


def address(request: HttpRequest, about: Model | type[Model]) -> str:
    """The same. Empty for operators who may not see it."""
    model = about if isinstance(about, type) else type(about)
    return page(about) if admin.site.get_model_admin(model).has_view_permission(request) else ""


def back_to_page(on: Any, request: HttpRequest, chosen: list[Any]) -> HttpResponse | None:
    """After an action: the page of the one object, if its button is there. None: the list, as Django does."""
    if "_page" not in request.POST or len(chosen) != 1:
        return None
    return redirect(f"admin:{on.opts.app_label}_{on.opts.model_name}_change", quote(chosen[0]))
