"""Times to the second, on the pages of objects. Lists have minutes."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.utils.formats import date_format
from django.utils.timezone import localtime


def written(time: datetime) -> str:
    """This time in the admin's zone, to the second."""
    return date_format(localtime(time), "SHORT_DATETIME_FORMAT")


def to_the_second(model: type[Model], *names: str) -> list[Any]:
    """These times of the model, as read-only fields of the admin. Its types know no functions there."""
    return [_field(name, model._meta.get_field(name).verbose_name) for name in names]  # type: ignore[union-attr]


def _field(name: str, title: Any) -> Callable[[Any], str]:
    def shown(obj: Any) -> str:
        time = getattr(obj, name)
        return written(time) if time else str(admin.site.empty_value_display)

    shown.__name__ = name  # the class of its row, and the key of its help text
    return admin.display(description=title)(shown)
