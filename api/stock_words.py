"""What REST framework says and its own Russian catalogue leaves in English, or in half of it.

Nobody imports this: the sentences are collected from here, and ours go before those of the framework.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

SENTENCES = (
    _("Datetime has wrong format. Use one of these formats instead: {format}."),
    _("Datetime value out of range."),
    _("Invalid data. Expected a dictionary, but got {datatype}."),
    _("Must be a valid boolean."),
    _("Not a valid string."),
    _("Surrogate characters are not allowed: U+{code_point:X}."),
    _('"{input}" is not a valid choice.'),
)
