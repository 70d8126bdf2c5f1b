"""The filter of the admin's templates that sets the commands in a sentence apart from its words."""

import re

from django import template
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

_COMMAND = re.compile(r"manage\.py [a-z_]+(?: (?:--[a-z-]+(?: [0-9]+)?|[A-ZА-Я]+\b))*")
_OPTION = re.compile(r"--[a-z-]+(?: [0-9]+)?")


@register.filter
def commands(text: str) -> SafeString:
    """The sentence with its commands as code, whose options are not broken."""
    return mark_safe(_COMMAND.sub(_as_code, str(conditional_escape(text))))  # noqa: S308 - it is escaped


@register.filter
def has_command(text: str) -> bool:
    return bool(_COMMAND.search(text))


def _as_code(found: re.Match[str]) -> str:
    return "<code>" + _OPTION.sub(lambda option: f'<span class="option">{option[0]}</span>', found[0]) + "</code>"
