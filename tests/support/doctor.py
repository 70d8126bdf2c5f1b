"""What `manage.py doctor` and single checks find."""

from collections.abc import Iterable
from io import StringIO

from django.core.checks import CheckMessage
from django.core.management import call_command
from django.db import connection


def sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def doctor() -> tuple[int, str]:
    """Its exit status and what it prints."""
    said = StringIO()
    try:
        call_command("doctor", stdout=said)
    except SystemExit as end:
        return int(str(end.code)), said.getvalue()
    return 0, said.getvalue()


def only(found: Iterable[CheckMessage]) -> CheckMessage:
    """The one finding, which says how to fix it and has an id."""
    [message] = found
    assert message.hint and message.id
    return message
