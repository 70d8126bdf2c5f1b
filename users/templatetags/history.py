"""The filter of the admin's templates that shows what an entry of the log says."""

from django import template

from users.operators import history

register = template.Library()
register.filter("in_words", history.in_words)
