"""A demo for the phones and emulators of the local network, with data of its own in `.demo`.

Demo mode means that no SMS is sent and that the response to a sign-up contains the code: whoever reaches the service
can sign in as anyone. So the demo never uses the database, the key and the gateways of a real service, and answers
only to addresses of this machine: a page of another site whose name points here must not reach the codes.
"""

import os
import socket
import sys
from contextlib import suppress
from ipaddress import ip_address
from typing import Any

import psutil
from django.conf import settings
from django.core.management import CommandError
from django.core.management.base import BaseCommand

# By this address the emulator of Android Studio reaches the machine that it runs on.
EMULATOR = "10.0.2.2"
# No machine has this address (RFC 5737). Nothing is sent to it: connecting only chooses the network interface.
ELSEWHERE = ("198.51.100.1", 9)
# The settings of a real service. They are emptied, because an unset variable would be read from `.env`.
NOT_USED = (
    "DATABASE_URL", "WORKER_DATABASE_URL", "OWNER_DATABASE_URL", "REPLICA_URL", "SECRET_KEY", "SECRET_KEY_FALLBACKS",
    "SMS_GATEWAYS", "TRUSTED_PROXIES", "METRICS_PORT",
)  # fmt: skip


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.EMBEDDED_POSTGRES:
            raise CommandError("DATABASE_URL: a demo has data of its own. Unset it, also in .env, or use `serve`.")
        addresses = own_addresses()
        default = settings.DATA_DIR == settings.BASE_DIR / ".data"
        variables = dict.fromkeys(NOT_USED, "") | {
            "DATA_DIR": str((settings.BASE_DIR if default else settings.DATA_DIR) / ".demo"),
            "HOST": "0.0.0.0",  # noqa: S104
            "PORT": str(settings.PORT),
            "SITE_URL": f"http://{[*addresses, 'localhost'][0]}:{settings.PORT}",
            "EXTRA_HOSTS": ",".join([*addresses, EMULATOR]),
            "ALLOW_DEMO": "1",
        }
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "serve"]
        os.execve(sys.executable, command, {**os.environ, **variables})  # noqa: S606


def own_addresses() -> list[str]:
    """The addresses of this machine in its networks, the one of the default route first."""
    found = []
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(ELSEWHERE)
        found.append(str(probe.getsockname()[0]))
    for interface in psutil.net_if_addrs().values():
        found += [at.address for at in interface if at.family == socket.AF_INET]
    return [address for address in dict.fromkeys(found) if not ip_address(address).is_loopback]
