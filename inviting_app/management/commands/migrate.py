"""Django's `migrate` as the owner of the tables, and then the rights of the service on them."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.core.management.commands import migrate
from django.db import connections

from inviting_app import queries
from inviting_app.ops import roles


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
