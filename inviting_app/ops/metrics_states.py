"""States for Prometheus, read from the database at each scrape, so they are right whichever process wrote them.

Every host shows the same states: take their maximum, not their sum. No statement scans a table that grows: counts end
at a limit or read a minute of an index.
"""

from collections.abc import Iterator
from datetime import datetime
from threading import Lock

from django.conf import settings
from django.db import Error, connection, transaction
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from inviting_app.ops import certificate
from inviting_app.queries import limit_statements
from profiles.webhooks import endpoints
from profiles.webhooks import queries as webhooks
from profiles.webhooks.models import WebhookEndpoint
from users import limit_queries
from users.login import codes, risk
from users.models import SiteTotals
from users.queries import MAX_COUNTED, database_now, queue
from users.sms import arrivals, breaker

# A scrape must not add to the load of a slow database. Prometheus itself waits for 10 s.
STATEMENT_TIMEOUT = "2s"
_one_scrape_at_a_time = Lock()


class States(Collector):
    "The states at each scrape; without the database only `database_up`, which is 0."

    def collect(self) -> Iterator[GaugeMetricFamily]:
        with _one_scrape_at_a_time:
            found = self._read()
        yield _gauge("database_up", "Whether the database answered in time: 1 or 0.", bool(found))
        yield from found

    def _read(self) -> list[GaugeMetricFamily]:
        try:
            with transaction.atomic():
                limit_statements(STATEMENT_TIMEOUT)
                now = database_now()
                states = (_queue, _site, _gateways, _arrivals, _upkeep, _webhooks)
                return [gauge for state in states for gauge in state(now)]
        except Error:
            return []  # a part of the states would look like all of them
        finally:
            connection.close()


def _gauge(name: str, meaning: str, value: float | dict[str, float], label: str = "") -> GaugeMetricFamily:
    """A gauge with one value, or with a value for each value of its label."""
    family = GaugeMetricFamily(f"inviting_app_{name}", meaning, labels=[label] if label else [])
    for labelled, number in value.items() if isinstance(value, dict) else [("", value)]:
        family.add_metric([labelled] if label else [], number)
    return family


def _queue(now: datetime) -> Iterator[GaugeMetricFamily]:
    seen = queue(now)
    yield _gauge("workers", "Workers with a heartbeat in the last 10 seconds.", seen.workers)
    yield _gauge("queue_wait_seconds", "How many seconds the next SMS has been due, or 0.", seen.waited.total_seconds())
    meaning = f"SMS in the queue: due now, or later because an attempt failed; {MAX_COUNTED} means that many or more."
    yield _gauge("queue_jobs", meaning, {"due": seen.due, "later": seen.later}, "state")
    sms = limit_queries.sms_in_a_day(now, settings.SMS_PER_DAY)
    yield _gauge("sms_day", "SMS requested in the last 24 hours, without those that were certainly not sent.", sms)
    yield _gauge("sms_day_limit", "SMS_PER_DAY; the last tenth is kept for known devices.", settings.SMS_PER_DAY)


def _site(now: datetime) -> Iterator[GaugeMetricFamily]:
    totals = SiteTotals.objects.first()
    limit = risk.site_limit(totals.people_a_day if totals else 0)
    weight = limit_queries.site_risk_weight(now, weight=codes.MAX_ATTEMPTS, site=limit)
    yield _gauge("site_weight", "The risk weight of all short codes in 24 hours.", weight)
    yield _gauge("site_weight_limit", "The weight beyond which unknown devices get long codes.", limit)
    yield _gauge("people_signed_in_a_day", "Mean of seven days.", totals.people_a_day if totals else 0)
    age = (now - totals.counted_at).total_seconds() if totals else float("nan")
    yield _gauge("site_counted_age_seconds", "Since the worker last counted the site, as it does each minute.", age)
    suspects: dict[str, float] = {
        "country": len(totals.suspect_countries) if totals else 0,
        "prefix": len(totals.suspect_prefixes) if totals else 0,
    }
    yield _gauge("suspects", "Countries and number prefixes whose codes are not used: SMS pumping.", suspects, "kind")


def _gateways(now: datetime) -> Iterator[GaugeMetricFamily]:
    rows = breaker.rows()
    failures: dict[str, float] = {gateway.name: gateway.failures for gateway in rows}
    yield _gauge("gateway_failures", "Failures in a row; 0 is healthy.", failures, "gateway")
    refusals: dict[str, float] = {gateway.name: gateway.refusals for gateway in rows}
    yield _gauge("gateway_refusals", "SMS refused in a row, one by one; 0 is healthy.", refusals, "gateway")
    asked_last: dict[str, float] = {gateway.name: bool(gateway.circuit_open_until) for gateway in rows}
    meaning = "1 while the circuit is open and the gateway goes last, until a send succeeds."
    yield _gauge("gateway_skipped", meaning, asked_last, "gateway")
    refused: dict[str, float] = {gateway.name: gateway.refuses_account for gateway in rows}
    meaning = "1 while the provider refuses the account: wrong credentials, no credit, sender or text not allowed."
    yield _gauge("gateway_account_refused", meaning, refused, "gateway")


def _webhooks(now: datetime) -> Iterator[GaugeMetricFamily]:
    waits = {str(endpoint_id): seconds for endpoint_id, seconds in webhooks.waiting().items()}
    meaning = "How many seconds the oldest event that is not delivered has waited, or 0; without disabled endpoints."
    yield _gauge("webhook_wait_seconds", meaning, waits, "endpoint")
    off = WebhookEndpoint.objects.filter(is_enabled=False, disabled_reason=endpoints.GONE).count()
    yield _gauge("webhooks_gone", "Endpoints that were disabled because the receiver answered 410.", off)


def _arrivals(now: datetime) -> Iterator[GaugeMetricFamily]:
    """By gateway and prefix, which is empty for all SMS of a gateway. Gateways without receipts have no values."""
    counted = arrivals.last()
    found = [one for one in counted if one.accepted >= arrivals.ENOUGH]
    silent = [one for one in counted if one.is_silent]
    minutes = int(arrivals.SETTLED_AFTER.total_seconds() / 60)
    of_24_hours = f"of the SMS that a gateway took in 24 hours, without the last {minutes} minutes."
    for name, meaning, values in (
        ("delivered_share", f"Share delivered {of_24_hours}", [(one, one.share) for one in found]),
        ("delivered_seconds", f"Median time of delivery {of_24_hours}", [(one, one.seconds) for one in found]),
        ("undelivered_prefixes", f"SMS to prefixes where none was delivered, {of_24_hours}",
         [(one, one.accepted) for one in silent]),
    ):  # fmt: skip
        family = GaugeMetricFamily(f"inviting_app_sms_{name}", meaning, labels=["gateway", "prefix"])
        for one, value in values:
            if value is not None:
                family.add_metric([one.gateway, one.prefix], value)
        yield family


def _upkeep(now: datetime) -> Iterator[GaugeMetricFamily]:
    """No values before the first checked backup, and before the first look at a certificate."""
    totals = SiteTotals.objects.first()
    made_at = totals.checked_backup_at if totals else None
    age: float | dict[str, float] = (now - made_at).total_seconds() if made_at else {}
    yield _gauge("checked_backup_age_seconds", "Age of the last backup that a restore has checked.", age)
    seen = certificate.last(totals)
    problems: dict[str, float] = {"refused": bool(seen.error), "late": seen.is_late(now)} if seen else {}
    meaning = "1 by problem of SITE_URL's certificate: clients refuse it, or it ends soon and was not renewed."
    yield _gauge("certificate_problem", meaning, problems, "problem")
