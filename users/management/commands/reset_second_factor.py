"""Turn off the second factor of an operator who has lost it."""

from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils.translation import gettext

from users import phones
from users.models import User
from users.operators import second_factor


class Command(BaseCommand):
    help = "Turn off an operator's second factor and end their sessions in the admin, with a line in their history."

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
            if not second_factor.reset(user):
                raise CommandError("This operator has no second factor.")
            done = gettext("Reset the second factor at the command line.")
            said = gettext("%(done)s Reason: %(reason)s") % {"done": done, "reason": reason or "—"}
            LogEntry.objects.log_actions(user.pk, [user], CHANGE, said)
        self.stdout.write(f"{user} has no second factor any more and is logged out of the admin.")
