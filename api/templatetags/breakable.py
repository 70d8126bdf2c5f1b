import re

from django import template
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe

register = template.Library()


@register.filter
def breakable(name: str) -> SafeString:
    """A path or code that a narrow screen may break after a slash or an underscore."""
    parts = re.split(r"(?<=[/_])", name)
    return format_html_join(mark_safe("<wbr>"), "{}", ((part,) for part in parts))
