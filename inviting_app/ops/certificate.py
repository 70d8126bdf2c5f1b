"""The certificate that clients of SITE_URL see. The worker looks at it every hour, and the admin shows what it saw."""

import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings

from inviting_app.values import is_local
from users.models import SiteTotals

# For the connection, and again for the handshake.
SECONDS = 5.0
# Proxies renew when a third of the lifetime is left. A certificate that has less than this share left was not renewed.
# For one with a long lifetime, this number of days counts instead.
LATE_SHARE = 0.2
LATE_DAYS = timedelta(days=14)


@dataclass(frozen=True)
class Certificate:
    """What a client of this host sees: the lifetime of the certificate, or why the client refuses it."""

    host: str
    begins_at: datetime | None = None
    ends_at: datetime | None = None
    error: str = ""

    def is_late(self, now: datetime) -> bool:
        """Whether it ends soon, and should have been renewed."""
        if not (self.begins_at and self.ends_at):
            return False
        return self.ends_at - now < min(LATE_DAYS, LATE_SHARE * (self.ends_at - self.begins_at))


def look() -> Certificate | None:
    """Connect to SITE_URL as a client does. None if it has no https. Raises OSError if nothing answers there."""
    site = urlsplit(settings.SITE_URL)
    if site.scheme != "https" or is_local(settings.SITE_URL):
        return None
    return seen_at(site.hostname or "", site.port or 443)


def seen_at(host: str, port: int) -> Certificate:
    """The certificate that is shown there. Raises OSError if nothing answers."""
    context = ssl.create_default_context()
    try:
        with (
            socket.create_connection((host, port), SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=host) as peer,
        ):
            shown = peer.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        return Certificate(host, error=error.verify_message)
    except ssl.SSLError as error:
        return Certificate(host, error=str(error.reason or "TLS fails").replace("_", " ").lower())
    return Certificate(host, _time(shown["notBefore"]), _time(shown["notAfter"]))


def remember(found: Certificate) -> None:
    """Keep it for the admin."""
    times = {"begins_at": found.begins_at, "ends_at": found.ends_at}
    stored = {name: time.isoformat() if time else None for name, time in times.items()}
    SiteTotals.objects.update(certificate={"host": found.host, "error": found.error, **stored})


def last(totals: SiteTotals | None) -> Certificate | None:
    """What was kept last, if it is about the present SITE_URL."""
    stored = totals.certificate if totals else None
    if not stored or stored["host"] != urlsplit(settings.SITE_URL).hostname:
        return None
    times = {name: stored[name] and datetime.fromisoformat(stored[name]) for name in ("begins_at", "ends_at")}
    return Certificate(stored["host"], error=stored["error"], **times)


def _time(text: object) -> datetime:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(text)), UTC)
