"""Counters and histograms for Prometheus. Imported only if METRICS_PORT is set.

Each process counts the events that happen in it, which costs no query; Prometheus adds processes up and handles
restarts (`rate`, `increase`). States are read from the database, see `metrics_states`. No label holds what a client
typed: a route is a pattern of the URL configuration, a method is one of HTTP's, and a code is one of the API's.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from django.conf import settings
from prometheus_client import CollectorRegistry, Counter, Histogram

from users import client
from users.context import METHODS, is_of_test_user

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase
    from procrastinate import JobContext
    from procrastinate.worker import Worker

# Seconds. Most responses take a few milliseconds, and none waits longer than 2 s for a lock.
LATENCY = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

# Seconds. A gateway has 8 for an SMS, and a job may wait for locks.
LONG_LATENCY = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

# Seconds from a gateway's acceptance of an SMS to its arrival: mostly a few, and hours if the phone was off.
ARRIVAL = (1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 86400.0)

registry = CollectorRegistry()
_counter = partial(Counter, namespace="inviting_app", registry=registry)
_histogram = partial(Histogram, namespace="inviting_app", registry=registry)

_ANSWERED = "Requests answered, without probes; `code` is the code of a problem."
_ANSWER_TIME = "Time from a request's arrival at Django to its response."
REQUESTS = _counter("requests", _ANSWERED, ["route", "method", "status", "code"])
REQUEST_SECONDS = _histogram("request_seconds", _ANSWER_TIME, ["route", "method"], buckets=LATENCY)
MISFORWARDED = _counter("misforwarded", "Requests whose X-Forwarded-For has no address where TRUSTED_PROXIES says.")
CODES_ASKED = _counter("codes_asked", "Sign-ups that queued an SMS.")
CODES_VERIFIED = _counter("codes_verified", "Correct codes: sign-ins.")
SIGN_UPS = _counter("sign_ups", "First correct codes of a phone: new users.")
ACTIVATIONS = _counter("activations", "Activated invite codes: votes.")
SMS = _counter(
    "sms", "SMS given to a gateway: sent, unreachable, temporary, account or unknown.", ["gateway", "outcome"]
)
SMS_SECONDS = _histogram("sms_seconds", "Time to send one SMS through a gateway.", ["gateway"], buckets=LONG_LATENCY)
RECEIPTS = _counter("sms_receipts", "Receipts of SMS: delivered, or the reason why not.", ["gateway", "outcome"])
WEBHOOKS = _counter(
    "webhooks", "Tries to deliver an event to an endpoint: delivered or failed.", ["endpoint", "outcome"]
)
_WEBHOOK_TIME = "Time of one try to deliver an event."
WEBHOOK_SECONDS = _histogram("webhook_seconds", _WEBHOOK_TIME, ["endpoint"], buckets=LONG_LATENCY)
_ARRIVAL_TIME = "Time from a gateway's acceptance of an SMS to the receipt that it was delivered."
ARRIVAL_SECONDS = _histogram("sms_arrival_seconds", _ARRIVAL_TIME, ["gateway"], buckets=ARRIVAL)
JOBS = _counter("jobs", "Attempts of jobs: succeeded, or failed and to be repeated.", ["task", "outcome"])
JOB_SECONDS = _histogram("job_seconds", "Time of one attempt of a job.", ["task"], buckets=LONG_LATENCY)


def requests(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """The outermost middleware. Measures every request that is logged."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        is_of_test_user.set(False)
        response = get_response(request)
        seconds = time.perf_counter() - started
        route = _route(request)
        if route not in settings.PROBE_PATHS:
            method = request.method if request.method in METHODS else "other"
            REQUESTS.labels(route, method, response.status_code, getattr(response, "problem_code", "")).inc()
            REQUEST_SECONDS.labels(route, method).observe(seconds)
            MISFORWARDED.inc(client.is_misforwarded(request))
            if response.status_code == 200 and method == "POST" and not is_of_test_user.get():
                _count_event(route, response)
            for seen in getattr(response, "receipts", ()):
                receipt(*seen)
        return response

    return middleware


def _route(request: HttpRequest) -> str:
    if match := request.resolver_match:
        return f"/{match.route.rstrip('/')}"
    # A static file, a refusal, or an unknown path.
    return "(static)" if request.path_info.startswith("/static/") else "(none)"


def _count_event(route: str, response: Any) -> None:
    """Count an event when its response is sent, because it is committed then. A log-in that is repeated counts once."""
    if route == "/api/v1/profiles/me":
        ACTIVATIONS.inc()
    elif route == "/api/auth/login" and not response.repeated:
        CODES_VERIFIED.inc()
        SIGN_UPS.inc(response.data["created"])
    elif route == "/api/auth/signup":
        CODES_ASKED.inc(response.data["sent"])


async def jobs(call_next: Callable[[], Awaitable[Any]], context: JobContext, worker: Worker) -> Any:
    """Middleware of procrastinate's worker. Measures every job."""
    task, outcome = context.job.task_name, "failed"
    try:
        with JOB_SECONDS.labels(task).time():
            result = await call_next()
        outcome = "succeeded"
        return result
    finally:
        JOBS.labels(task, outcome).inc()


def sms(gateway: str, outcome: str, seconds: float) -> None:
    """Count an SMS given to this gateway. Its name holds no secret."""
    SMS.labels(gateway, outcome).inc()
    SMS_SECONDS.labels(gateway).observe(seconds)


def webhook(endpoint_id: int, outcome: str, seconds: float) -> None:
    """Count a try to deliver an event to this endpoint: `delivered` or `failed`."""
    WEBHOOKS.labels(endpoint_id, outcome).inc()
    WEBHOOK_SECONDS.labels(endpoint_id).observe(seconds)


def receipt(gateway: str, outcome: str, seconds: float) -> None:
    """Count a receipt: `delivered`, with the seconds since this gateway took the SMS, or the reason why not."""
    RECEIPTS.labels(gateway, outcome).inc()
    if outcome == "delivered":
        ARRIVAL_SECONDS.labels(gateway).observe(seconds)
