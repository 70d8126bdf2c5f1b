"""The filter of the admin's templates that breaks a name of a host between its parts only."""

from django import template

from users.admin import lists

register = template.Library()
register.filter("breakable", lists.breakable)
