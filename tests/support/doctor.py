"""The findings of `manage.py doctor` and of single checks."""

from collections.abc import Iterable
from io import StringIO

from django.conf import settings
from django.core.checks import CheckMessage
from django.core.management import call_command
from django.db import connection
from django.test import override_settings


def sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def doctor() -> tuple[int, str]:
    """The status and the output of the command, without its warning of the tests' own role."""
    said = StringIO()
    try:
        with override_settings(SILENCED_SYSTEM_CHECKS=[*settings.SILENCED_SYSTEM_CHECKS, "inviting_app.W013"]):
            call_command("doctor", stdout=said)
    except SystemExit as end:
        return int(str(end.code)), said.getvalue()
    return 0, said.getvalue()


def only(found: Iterable[CheckMessage]) -> CheckMessage:
    """The only finding, which must have an id and a hint."""
    [message] = found
    assert message.hint and message.id
    return message
