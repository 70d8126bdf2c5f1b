"""The filters of the admin's templates that show what entries of the log say."""

from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from django import template
from django.contrib import admin
from django.contrib.admin.exceptions import NotRegistered
from django.contrib.admin.models import LogEntry
from django.core.exceptions import ValidationError
from django.utils.text import capfirst

from users.operators import history

register = template.Library()

# Who has one of these permissions may know for whom a vote is, or was. The second one releases votes.
SEES_VOTES = ("profiles.view_activation", "users.change_user")


@register.filter
def in_words(entry: LogEntry, perms: Any) -> str:
    """What the entry says to an operator with these permissions, as templates have them."""
    return history.in_words(entry, "phone" if any(one in perms for one in SEES_VOTES) else "hidden")


@register.filter
def with_names(entries: Iterable[LogEntry]) -> list[tuple[LogEntry, str]]:
    """Each entry with the name of its object in the current language, or the stored one of an object that is gone."""
    keys: dict[Any, set[str]] = defaultdict(set)
    found = list(entries)
    for entry in found:
        if entry.object_id and entry.content_type:
            keys[entry.content_type].add(entry.object_id)
    names = {(kind.pk, key): name for kind, ids in keys.items() for key, name in _names(kind.model_class(), ids)}
    return [(entry, names.get((entry.content_type_id, str(entry.object_id))) or entry.object_repr) for entry in found]


def _names(model: Any, ids: set[Any]) -> Iterable[tuple[str, str]]:
    with suppress(NotRegistered, ValidationError, ValueError):
        page: Any = admin.site.get_model_admin(model) if model else None
        for obj in model.objects.filter(pk__in=ids) if page else ():
            heading = getattr(page, "heading", str)
            yield str(obj.pk), heading(obj) or capfirst(str(model._meta.verbose_name))
