"""Turn off the second factor of an operator who has lost it."""

from django.core.management.base import CommandError
from django.utils.translation import gettext_noop as N_

from users.management.operators import OperatorCommand, about_token
from users.models import User
from users.operators import second_factor


class Command(OperatorCommand):
    help = (
        "Turn off an operator's second factor and end their sessions in the admin, with a line in their history. If"
        " ADMIN_SECOND_FACTOR is required, print a token for setting up a new one."
    )

    def act(self, user: User) -> tuple[str, str]:
        if not second_factor.reset(user):
            raise CommandError("This operator has no second factor.")
        told = f"{user} has no second factor any more and is logged out of the admin."
        token = second_factor.token_to_set_up(user)
        return (
            N_("Reset the second factor at the command line."),
            f"{told}\n{about_token(token)}" if token else told,
        )
