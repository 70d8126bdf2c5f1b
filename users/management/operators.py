"""What the commands about one operator share."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from users import accounts, phones
from users.clock import HOUR
from users.models import User
from users.operators import enrolment, history

TOLD = (
    "Token for setting up the second factor: {token}\n"
    "The admin asks for it after the password. It works once, within {hours} hours, and is never shown again."
)


def about_token(token: str) -> str:
    """What a command prints of a new token."""
    return TOLD.format(token=token, hours=enrolment.VALID_FOR // HOUR)


class OperatorCommand(BaseCommand):
    """Does something about the operator of a phone, with a line in their history."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("phone", help="in any usual spelling")
        parser.add_argument("--reason", default="", help="for the operator's history; no phone numbers")

    def handle(self, *args: Any, phone: str, reason: str, **options: Any) -> None:
        if phones.are_in(reason):
            raise CommandError("--reason: remove the phone number; it would stay after the user is erased")
        user = User.objects.filter(phone=phones.normalise_or_empty(phone), is_staff=True).first()
        if user is None:
            raise CommandError("PHONE: no operator has this number")
        with transaction.atomic():
            done, told = self.act(user)
            accounts.add_to_history(user, history.told(done), history.reason(reason or history.NOTHING))
        self.stdout.write(told)

    def act(self, user: User) -> tuple[str, str]:
        """Do it. Returns the line for the history and what the command prints."""
        raise NotImplementedError
