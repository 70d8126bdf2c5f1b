"""Check the settings, the database, the clock, the web, the worker and the gateways, and say how to fix each problem.

Runs all system checks, as `manage.py check --deploy --database default` does, and also works without the database.
Changes nothing and sends nothing. Ends with status 1 if there is an error, and with 0 otherwise.
"""

import sys
from typing import Any

from django.core.checks import ERROR, INFO, WARNING, run_checks
from django.core.management.base import BaseCommand
from django.db import DEFAULT_DB_ALIAS

from inviting_app.logs import one_line
from inviting_app.ops.checks_database import answers
from users import deadline

LEVELS = {INFO: "INFO", WARNING: "WARNING"}


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        with deadline.within(deadline.SECONDS):
            unreachable = list(answers())  # Django's own checks of a database fail then
            found = run_checks(include_deployment_checks=True, databases=None if unreachable else [DEFAULT_DB_ALIAS])
        problems = [message for message in [*found, *unreachable] if not message.is_silenced()]
        for message in sorted(problems, key=lambda message: -message.level):
            level = LEVELS.get(message.level, "ERROR")
            # For a terminal: rows of the database, and texts of gateways, may hold any characters.
            told = one_line(" ".join(str(message.msg).split()))
            self.stdout.write(f"{level} {told} ({message.id})\n    {one_line(str(message.hint or ''))}")
        errors = sum(message.level >= ERROR for message in problems)
        warnings = sum(message.level == WARNING for message in problems)
        self.stdout.write(f"Errors: {errors}, warnings: {warnings}" if errors or warnings else "All is well.")
        if errors:
            sys.exit(1)
