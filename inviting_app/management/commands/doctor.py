"""What is wrong with the service, and how to mend it: settings, gateways, database, clock, worker.

Changes nothing and sends nothing. Ends with status 1 if something is wrong, with 0 if all is well or there are only
warnings.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand

from inviting_app.ops.doctor import Check, Finding, Level, configuration, database, examined, gateways, web, worker

BY_ITSELF: tuple[Check, ...] = (
    configuration.django,
    configuration.site_url,
    configuration.trusted_proxies,
    configuration.secret_key,
    configuration.demo_mode,
    configuration.message,
    gateways.reachable,
    database.disk,
)
WITH_DATABASE: tuple[Check, ...] = (
    database.version,
    database.lock_timeout,
    database.prepared_statements,
    database.workers_way,
    database.clock,
)
WITH_TABLES: tuple[Check, ...] = (
    gateways.health,
    web.ready,
    worker.heartbeat,
    worker.queue,
    worker.failed_jobs,
    worker.totals,
)


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = []  # they are among what is examined

    def handle(self, *args: Any, **options: Any) -> None:
        levels = [self._say(finding) for finding in findings()]
        wrong, warnings = levels.count(Level.FAIL), levels.count(Level.WARN)
        self.stdout.write(f"\n{wrong} FAIL, {warnings} WARN" if wrong or warnings else "\nAll is well.")
        if wrong:
            sys.exit(1)

    def _say(self, finding: Finding) -> Level:
        self.stdout.write(f"{finding.level:4} {finding.what}")
        if finding.mend:
            self.stdout.write(f"     {finding.mend}")
        self.stdout.flush()
        return finding.level


def findings() -> Iterator[Finding]:
    """All that is found; what needs the database or its tables only if they are there."""
    for check in BY_ITSELF:
        yield from examined(check)
    for needed, checks in ((database.answers, WITH_DATABASE), (database.migrations, WITH_TABLES)):
        found = list(examined(needed))
        yield from found
        if any(finding.level == Level.FAIL for finding in found):
            return
        for check in checks:
            yield from examined(check)
