"""Make a token with which an operator sets up the second factor."""

from django.core.management.base import CommandError
from django.utils.translation import gettext_noop as N_

from users.management.operators import OperatorCommand, about_token
from users.models import User
from users.operators import second_factor


class Command(OperatorCommand):
    help = (
        "Print a token with which an operator sets up the second factor where ADMIN_SECOND_FACTOR is required. It"
        " replaces an earlier one. The operator's history has a line about it."
    )

    def act(self, user: User) -> tuple[str, str]:
        if second_factor.is_enrolled(user):
            raise CommandError("This operator has a second factor. If it is lost: manage.py reset_second_factor PHONE")
        token = second_factor.token_to_set_up(user)
        if not token:
            raise CommandError("ADMIN_SECOND_FACTOR is not required, so no operator needs a token.")
        return N_("Made a token for the second factor at the command line."), about_token(token)
