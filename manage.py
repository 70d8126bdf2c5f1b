#!/usr/bin/env python
"""Every command of the service. Starts PostgreSQL for commands that need it, unless DATABASE_URL is set."""

import gc
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

# Commands that need no database, start it themselves, or check whether it runs.
WITHOUT_DATABASE = {"", "help", "version", "serve", "doctor", "check", "collectstatic", "spectacular", "makemessages"}
WITHOUT_DATABASE |= {"upgrade_database"}


def main() -> None:
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    if command == "serve" and not os.isatty(0):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # it would end the process before `serve` listens for it
    os.environ["DJANGO_SETTINGS_MODULE"] = "inviting_app.settings"
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
    except ModuleNotFoundError as error:
        if error.name != "django":
            raise
        raise SystemExit(
            "This Python is without the service's packages: use .venv/bin/python (`make run` makes it)."
        ) from None
    try:
        with database_for(command):
            execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        raise SystemExit(str(error)) from None
    except Exception as error:
        if advice := advice_about_database(error):
            raise SystemExit(f"CommandError: {advice}") from None
        raise
    finally:
        # Otherwise Python looks for garbage in all that was imported before it ends, a third of a short command's time.
        gc.freeze()


def advice_about_database(error: Exception) -> str:
    """What is wrong with the database and what to do, or nothing if the error has another cause."""
    from psycopg import OperationalError, errors

    from inviting_app.ops import database_errors

    cause = error.__cause__
    if isinstance(cause, (errors.UndefinedTable, errors.UndefinedColumn, errors.UndefinedFunction)):
        return "The database does not have the tables of this version. To make them, run `manage.py migrate`."
    if isinstance(cause, OperationalError) or database_errors.of_rights(error):
        return database_errors.explained(error)
    return ""


@contextmanager
def database_for(command: str) -> Iterator[None]:
    """Run PostgreSQL during this command, if the command needs it and none is configured."""
    from inviting_app import env
    from inviting_app.ops import data_dir, places, same_database
    from inviting_app.ops.embedded import Embedded, EmbeddedError

    # `serve` runs `prepare`, at its start and at each reload, so its other parts and `demo` print no notes.
    if command == "prepare" or not (env.IS_PART_OF_SERVE or command == "demo"):
        for note in env.notes():
            print(env.as_line("WARNING", note), file=sys.stderr)
    is_held = same_database.holds_for(command)
    if env.DATABASE or command == "demo":  # which becomes `serve` with other settings
        if is_held:
            same_database.check_sessions()
        yield
        return
    if is_held:
        same_database.check_embedded(Embedded(env.DATA_DIR))
    try:
        # Before Django loads the settings, because they read the key and the place of the socket.
        data_dir.make(env.DATA_DIR, with_key=not env.SECRET_KEY)
    except OSError as error:
        env.refuse(f"DATA_DIR: cannot write to {env.DATA_DIR}: {error.strerror}. Name a folder of yours")
    starts = command not in WITHOUT_DATABASE
    try:
        if starts or command == "serve":
            places.choose(env.DATA_DIR)
    except places.Unreachable as error:
        env.refuse(str(error))
    except OSError as error:
        env.refuse(f"Root cannot prepare PostgreSQL ({error}): run it as a plain user, or set DATABASE_URL")
    try:
        with Embedded(env.DATA_DIR).running() if starts else nullcontext():
            yield
    except EmbeddedError as error:
        env.refuse(str(error))


if __name__ == "__main__":
    main()
