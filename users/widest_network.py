"""The widest network that counts as one client: an IPv4 address, or the /48 of an IPv6 address.

The indexes begin with it. An index that begins with the address orders the requests of a /48 by address, so PostgreSQL
would read those of 30 days to find the few recent ones.
"""

from django.db import models

_TEMPLATE = "network(set_masklen({column}, CASE family({column}) WHEN 4 THEN 32 ELSE 48 END))"


def of(column: str) -> str:
    """SQL for the widest network of the address in this column."""
    return _TEMPLATE.format(column=column)


def expression(field: str) -> models.Func:
    """The same as an expression for an index, of the address in this field."""
    return models.Func(
        models.F(field),
        template=_TEMPLATE.format(column="%(expressions)s"),
        output_field=models.GenericIPAddressField(),
    )
