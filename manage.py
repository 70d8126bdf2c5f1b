#!/usr/bin/env python
"""Every command of the service. Reads `.env` and, unless DATABASE_URL is set, sees to it that PostgreSQL runs."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Commands that need none, see to it themselves, or look whether it runs.
WITHOUT_DATABASE = {"", "help", "version", "serve", "doctor", "check", "collectstatic", "spectacular", "makemessages"}


def main() -> None:
    if sys.argv[1:2] == ["serve"] and not os.isatty(0):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # else it ends the process, until `serve` listens to it
    try:
        from dotenv import load_dotenv
    except ModuleNotFoundError as error:
        if error.name != "dotenv":
            raise
        raise SystemExit(
            "This Python is without the service's packages: use .venv/bin/python (`make run` makes it)."
        ) from None

    load_dotenv(Path(__file__).parent / ".env")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "inviting_app.settings")
    from django.core.management import execute_from_command_line

    with database_for(command=sys.argv[1] if len(sys.argv) > 1 else ""):
        execute_from_command_line(sys.argv)


@contextmanager
def database_for(command: str) -> Iterator[None]:
    """Have PostgreSQL while a command runs, if it needs one and none is configured."""
    from inviting_app import env
    from inviting_app.logs import last_words
    from inviting_app.ops.embedded import Embedded, EmbeddedError

    if env.DATABASE or command in WITHOUT_DATABASE:
        yield
        return
    try:
        with Embedded(env.DATA_DIR).running():
            yield
    except EmbeddedError as error:
        raise SystemExit(last_words(f"inviting_app: {error}")) from None


if __name__ == "__main__":
    main()
