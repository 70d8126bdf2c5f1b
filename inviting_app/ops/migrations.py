"""The migrations of this version, and which of them the database has."""

import io

from django.core.management import call_command


def planned() -> dict[str, bool]:
    """Whether the database has each migration of this version, by names such as `users.0001_initial`, in order."""
    plan = io.StringIO()
    call_command("showmigrations", "--plan", "--no-color", stdout=plan)
    lines = (line for line in plan.getvalue().splitlines() if line.startswith("["))
    return {line[3:].split()[0]: line.startswith("[X]") for line in lines}
