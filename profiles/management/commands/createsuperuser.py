"""Create an operator with every permission: a user with a profile and a password for the admin.

It replaces Django's command of this name, which would create a user without a profile.
"""

import getpass
import sys
from typing import Any

from django.conf import settings
from django.contrib.auth.password_validation import password_validators_help_texts, validate_password
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from profiles import signup
from users import accounts, phones
from users.management.operators import about_token
from users.operators import second_factor

EXAMPLE = "Write it in any usual spelling, such as 9990001122."


class Command(BaseCommand):
    help = (
        "Make a superuser of a new or an existing user, and set the password. "
        "The command asks for the password, or reads it as one line from the standard input."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("phone", help="in any usual spelling")
        parser.add_argument("--migrate", action="store_true", help="first make the tables that this version needs")

    def handle(self, *args: Any, phone: str, migrate: bool, **options: Any) -> None:
        try:
            phone = phones.normalise(phone)
        except phones.InvalidPhone as error:
            raise CommandError(f"PHONE: this is not a mobile number. {EXAMPLE}") from error
        except phones.RegionNotAllowed as error:
            allowed = ", ".join(settings.PHONE_REGIONS)
            raise CommandError(
                f"PHONE: PHONE_REGIONS does not allow numbers of this country (allowed: {allowed})"
            ) from error
        try:
            password = _ask() if sys.stdin.isatty() else _read()
            validate_password(password)
            password.encode()
        except ValidationError as error:
            raise CommandError("Password: " + " ".join(error.messages)) from error
        except UnicodeError as error:
            raise CommandError("Password: it must be UTF-8 text.") from error
        if migrate:
            call_command("migrate", verbosity=0, interactive=False)
        try:
            user = signup.make_operator(phone, password)
        except accounts.IsTestUser as error:
            raise CommandError(
                "PHONE: SMS_TEST_NUMBERS has this number, or had it. It cannot be an operator's."
            ) from error
        self.stdout.write(
            f"{phones.display(phone)} is a superuser and can log in to the admin with phone and password."
        )
        if token := second_factor.token_to_set_up(user):
            self.stdout.write(about_token(token))


def _read() -> str:
    if line := sys.stdin.readline():
        return line.rstrip("\n")
    raise CommandError("Password: the standard input is empty. Run this in a terminal, or write the password there.")


def _ask() -> str:
    try:
        rules = " ".join(password_validators_help_texts())
        password = getpass.getpass(f"{rules}\nPassword for the admin: ")
        again = getpass.getpass("Once more: ")
    except (KeyboardInterrupt, EOFError) as error:
        raise CommandError("Nothing was changed.") from error
    if password != again:
        raise CommandError("The two passwords differ.")
    return password
