"""Django's `migrate`, with two additions: it connects as the owner of the tables, and it gives the service its rights.

It is found instead of Django's command of this name, because commands of apps come before those of Django.
"""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.core.management.commands import migrate
from django.db import connections

from inviting_app import queries
from inviting_app.ops import roles


# A receiver of `post_migrate` would not replace this class: the command has to connect as the owner, too. Django sends
# that signal for each app, and after each `flush`.
class Command(migrate.Command):
    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database=settings.OWNER_DATABASE)

    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        if options["database"] == "owner":
            schema, _ = queries.schema("owner")
            with connections["owner"].cursor() as cursor:
                for service in {queries.role(alias)[0] for alias in ("default", settings.DIRECT_DATABASE)}:
                    roles.grant(cursor.connection, schema, service)
