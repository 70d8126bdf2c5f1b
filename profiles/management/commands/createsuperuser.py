"""Make an operator: a person with a profile like anybody, and a password for the admin.

Stands in for Django's command of this name, which would make a person without a profile.
"""

from __future__ import annotations

import getpass
import sys
from typing import Any

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from profiles import signup
from users import phones

EXAMPLE = "Write it as people type it, such as 9991234567."


class Command(BaseCommand):
    help = "Make an operator. The password is asked for, or read as one line from the standard input."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("phone", help="in any usual spelling")

    def handle(self, *args: Any, phone: str, **options: Any) -> None:
        try:
            phone = phones.normalise(phone)
        except phones.InvalidPhone as error:
            raise CommandError(f"PHONE: this is no mobile number. {EXAMPLE}") from error
        except phones.RegionNotAllowed as error:
            allowed = ", ".join(settings.PHONE_REGIONS)
            raise CommandError(f"PHONE: a number of another country than PHONE_REGIONS allows ({allowed})") from error
        password = _ask() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
        try:
            validate_password(password)
        except ValidationError as error:
            raise CommandError("Password: " + " ".join(error.messages)) from error
        signup.make_operator(phone, password)
        self.stdout.write(f"{phones.display(phone)} is an operator: phone and password open the admin.")


def _ask() -> str:
    try:
        password = getpass.getpass("Password for the admin: ")
        again = getpass.getpass("Once more: ")
    except (KeyboardInterrupt, EOFError) as error:
        raise CommandError("Nothing was changed.") from error
    if password != again:
        raise CommandError("The two passwords differ.")
    return password
