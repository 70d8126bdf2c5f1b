"""Commands that act on the data of the running service, and refuse if it has another database than they do.

A DATA_DIR or DATABASE_URL that only the service's environment has is unknown to a command in a shell. The command would
make an operator, or a backup, in another database that nobody uses.

A service that answers on HOST and PORT has a session in its database. So if there is none besides the command's own,
that is another database. A command whose own environment names the database is meant to act on that one.
"""

import os
import socket
from contextlib import suppress

from django.core.exceptions import ImproperlyConfigured

from inviting_app import env
from inviting_app.ops.embedded import Embedded

# The commands that read or change what the service holds. Those that make or fill a database are meant for a new one.
COMMANDS = {"backup", "check_backup", "createsuperuser", "erasures", "reset_second_factor", "second_factor_token"}
COMMANDS |= {"axes_list_attempts", "axes_reset", "axes_reset_ip", "axes_reset_username"}
# For the web server of this machine to answer. On a busy one, an answer takes longer than a probe waits.
SECONDS = 5.0

ANOTHER = """The service at {host}:{port} uses another database than this command, {own}.
Write the DATA_DIR or DATABASE_URL of the service into `.env`, so that all commands find it. Or name the database that
you mean before the command: DATA_DIR=… or DATABASE_URL=…"""


def holds_for(command: str) -> bool:
    """Whether this command is held to the database of the running service."""
    return command in COMMANDS and not (os.environ.get("DATA_DIR") or os.environ.get("DATABASE_URL"))


def check_embedded(embedded: Embedded) -> None:
    """Refuse if a service runs, and this PostgreSQL does not. Raises ImproperlyConfigured, and makes nothing.

    A folder that cannot be used is left to the start of PostgreSQL, which says so.
    """
    usable = not env.DATA_DIR.exists() or os.access(env.DATA_DIR, os.W_OK)
    if usable and not _listens(embedded) and _service_answers():
        raise ImproperlyConfigured(_another(f"the one of DATA_DIR {env.DATA_DIR}"))


def check_sessions() -> None:
    """Refuse if a service runs, and it has no session in this command's database. Raises ImproperlyConfigured."""
    import django
    from django.conf import settings

    from inviting_app import queries

    django.setup()  # before the first statement; the command's own call then does nothing
    if _service_answers() and not queries.other_sessions(settings.OWNER_DATABASE):
        named = settings.DATABASES["default"]
        raise ImproperlyConfigured(_another(f"{named.get('NAME')} on {named.get('HOST') or 'this machine'}"))


def _listens(embedded: Embedded) -> bool:
    """Whether some process runs this PostgreSQL."""
    where = embedded.settings()
    with socket.socket(socket.AF_UNIX) as peer, suppress(OSError):
        peer.connect(f"{where['HOST']}/.s.PGSQL.{where['PORT']}")
        return True
    return False


def _another(own: str) -> str:
    return ANOTHER.format(host=env.HOST, port=env.PORT, own=own)


def _service_answers() -> bool:
    """Whether a service of ours answers on HOST and PORT. Its answer takes a session in its database."""
    from inviting_app.probes import readiness

    return b'"version"' in readiness(env.HOST, env.PORT, SECONDS)
