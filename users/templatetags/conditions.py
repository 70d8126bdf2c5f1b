"""The filter of the admin's templates that says which rows a list has."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django import template
from django.contrib.admin.views.main import ChangeList
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.timezone import is_aware, localtime
from django.utils.translation import gettext as _

register = template.Library()


@register.filter
def conditions(shown: ChangeList) -> str:
    """The filters and the search that are in use, in words. Empty for a list of all rows."""
    return capfirst("; ".join(_conditions(shown)))


def _conditions(shown: ChangeList) -> Iterator[str]:
    for one in shown.filter_specs:
        choices: list[Any] = list(one.choices(shown))
        chosen = [str(choice["display"]) for choice in choices[1:] if choice["selected"]]  # after the one for all
        if said := [*chosen, *_range(one.used_parameters)]:
            yield f"{one.title}: {', '.join(said)}"
    if shown.query:
        yield _("search: %(text)s") % {"text": shown.query}


def _range(used: dict[str, Any]) -> Iterator[str]:
    """The days from which and before which the rows of a filter on a time are. Nothing for other filters."""
    for ending, text in (("__gte", _("from %(day)s")), ("__lt", _("before %(day)s"))):
        for name, value in used.items():
            if name.endswith(ending):
                time = datetime.fromisoformat(str(value[0] if isinstance(value, list) else value))
                yield text % {"day": date_format(localtime(time) if is_aware(time) else time, "DATE_FORMAT")}
