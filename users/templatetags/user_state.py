"""The filter of the admin's templates that marks a disabled user."""

from django import template

from users.admin import user_state

register = template.Library()
register.filter("marked_if_disabled", user_state.marked_if_disabled)
