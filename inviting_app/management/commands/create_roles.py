"""Create the roles of OWNER_DATABASE_URL and DATABASE_URL, with the rights that each needs. May be repeated.

URL names the same database, and a superuser in it. What is in the service's schema becomes the owner's. Each role gets
the password of its URL; an owner's URL without one gets the superuser's, which PGPASSWORD may hold.
"""

from typing import Any

import psycopg
from django.conf import settings
from django.core.management import CommandError
from django.core.management.base import BaseCommand, CommandParser
from psycopg import sql

from inviting_app.ops import database_errors, roles


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("url", metavar="URL", help="such as postgresql://postgres@host/name")

    def handle(self, *args: Any, url: str, **options: Any) -> None:
        if settings.EMBEDDED_POSTGRES or settings.OWNER_DATABASE != "owner":
            raise CommandError("Set DATABASE_URL and OWNER_DATABASE_URL first: they name the roles.")
        service, owner = settings.DATABASES["default"], settings.DATABASES["owner"]
        try:
            with psycopg.connect(url, autocommit=True) as superuser:
                # Named with its schema: a function that the owner made, or restored, must not run as the superuser.
                found = superuser.execute("SELECT pg_catalog.current_schema(), current_user").fetchone()
                [schema, role] = found or ["", ""]
                if len({role, service.get("USER"), owner.get("USER"), None}) < 4:
                    raise CommandError("The URLs must name three roles: a superuser, the owner and the service.")
                roles.separate(superuser, schema, owner["USER"], service["USER"])
                _set_password(superuser, owner["USER"], owner.get("PASSWORD") or superuser.info.password)
                _set_password(superuser, service["USER"], service.get("PASSWORD", ""))
        except psycopg.Error as error:
            why = database_errors.explained(error, "the URL of the command")
            raise CommandError(f"The roles were not created. {why}") from error
        self.stdout.write(f"{owner['USER']} owns the tables, and {service['USER']} may use them.")


def _set_password(superuser: psycopg.Connection[Any], role: str, password: str) -> None:
    """Set the password. The server, whose log may hold the statement, gets only its hash."""
    if password:
        hashed = superuser.pgconn.encrypt_password(password.encode(), role.encode())
        statement = sql.SQL("ALTER ROLE {} PASSWORD {}")
        superuser.execute(statement.format(sql.Identifier(role), sql.Literal(hashed.decode())))
