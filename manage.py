#!/usr/bin/env python
"""Every command of the service. Reads `.env` and, unless DATABASE_URL is set, sees to it that PostgreSQL runs."""

import os
import sys
from pathlib import Path


def main() -> None:
    from dotenv import load_dotenv

    load_dotenv(Path(__file__).parent / ".env")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "inviting_app.settings")
    from django.core.management import execute_from_command_line

    from inviting_app import embedded

    with embedded.running_for(command=sys.argv[1] if len(sys.argv) > 1 else ""):
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
