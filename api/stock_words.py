"""Messages of REST framework that its own Russian catalogue does not translate, or only in part.

No module imports this one: Babel collects the messages from here, and our translations go before the framework's.
"""

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
