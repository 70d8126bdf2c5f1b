"""The web server, where it must be on this machine."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings

from inviting_app.management.commands.serve import is_ready
from inviting_app.ops.doctor import Finding, fail, ok


def ready() -> Iterator[Finding]:
    """Nothing with a DATABASE_URL, for then it may be anywhere."""
    if not settings.EMBEDDED_POSTGRES:
        return
    where = f"{settings.HOST}:{settings.PORT}"
    if is_ready():
        yield ok(f"web: /readyz answers 200 on {where}")
        return
    yield fail(
        f"web: /readyz does not answer 200 on {where} within half a second",
        "If it was started with another HOST or PORT, give the doctor the same. If it has just started, try again. "
        "Else start it again (`make run`); its log says more.",
    )
