"""Counters and histograms for Prometheus. Imported only if METRICS_PORT is set.

Each process counts the events that happen in it, which costs no query; Prometheus adds processes up and handles
restarts (`rate`, `increase`). States are read from the database, see `metrics_states`. No label holds what a client
typed: a route is a pattern of the URL configuration, a method is one of HTTP's, and a code is one of the API's.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Histogram

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase
    from procrastinate.job_context import JobContext
    from procrastinate.worker import Worker

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNMEASURED = {"livez", "readyz"}
STATIC, NONE = "(static)", "(none)"

# Seconds. Most responses take a few milliseconds, and none waits longer than 2 s for a lock.
LATENCY = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

# Seconds. A gateway has 8, and one job may try several.
LONG_LATENCY = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

registry = CollectorRegistry()


def _counter(name: str, meaning: str, *labels: str) -> Counter:
    return Counter(f"inviting_app_{name}", meaning, labels, registry=registry)


def _histogram(name: str, meaning: str, *labels: str, buckets: tuple[float, ...] = LATENCY) -> Histogram:
    return Histogram(f"inviting_app_{name}", meaning, labels, registry=registry, buckets=buckets)


REQUESTS = _counter(
    "requests",
    "Requests answered, without probes; `code` is the code of a problem.",
    "route",
    "method",
    "status",
    "code",
)
REQUEST_SECONDS = _histogram(
    "request_seconds", "Time from a request's arrival at Django to its response.", "route", "method"
)
CODES_ASKED = _counter("codes_asked", "Sign-ups that queued an SMS.")
CODES_VERIFIED = _counter("codes_verified", "Correct codes: sign-ins.")
SIGN_UPS = _counter("sign_ups", "First correct codes of a phone: new users.")
ACTIVATIONS = _counter("activations", "Activated invite codes: votes.")

SMS = _counter("sms", "SMS sent through a gateway: sent or refused.", "gateway", "outcome")
SMS_SECONDS = _histogram("sms_seconds", "Time to send one SMS through a gateway.", "gateway", buckets=LONG_LATENCY)
JOBS = _counter("jobs", "Attempts of jobs: succeeded, or failed and to be repeated.", "task", "outcome")
JOB_SECONDS = _histogram("job_seconds", "Time of one attempt of a job.", "task", buckets=LONG_LATENCY)


Measures = tuple[Callable[[], None], Callable[[float], None]]

# Counting is faster than the library's search for the labels' child metric, so the children are kept.
_measures: dict[tuple[str, str | None, int, str], Measures] = {}


def requests(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """The outermost middleware. Measures every request that is logged."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        response = get_response(request)
        seconds = time.perf_counter() - started
        match = request.resolver_match
        route = match.route if match else _unrouted(request)
        if route in UNMEASURED:
            return response
        status = response.status_code
        key = (route, request.method, status, "" if status < 400 else _problem(response))
        count, observe = _measures.get(key) or _new_measures(*key)
        count()
        observe(seconds)
        if status == 200 and request.method == "POST":
            _count_event(route.rstrip("/"), response)
        return response

    return middleware


def _unrouted(request: HttpRequest) -> str:
    """The route of a response without a view: a static file, a refusal, an unknown path."""
    return STATIC if request.path_info.startswith("/static/") else NONE


def _problem(response: HttpResponseBase) -> str:
    if response.get("Content-Type") != "application/problem+json":
        return ""
    return str(json.loads(response.content)["code"])  # type: ignore[attr-defined]


def _new_measures(route: str, method: str | None, status: int, code: str) -> Measures:
    shown = route if route in (STATIC, NONE) else f"/{route.rstrip('/')}"
    known = method if method in METHODS else "other"
    counter, histogram = REQUESTS.labels(shown, known, status, code), REQUEST_SECONDS.labels(shown, known)
    measures = counter.inc, histogram.observe
    if known == method:  # clients can invent any number of other methods, and each would be kept
        _measures[route, method, status, code] = measures
    return measures


def _count_event(route: str, response: Any) -> None:
    """Count an event when its response is sent, because it is committed then."""
    if route == "api/v1/profiles/me":
        ACTIVATIONS.inc()
    elif route == "api/auth/login":
        CODES_VERIFIED.inc()
        SIGN_UPS.inc(response.data["created"])
    elif route == "api/auth/signup":
        CODES_ASKED.inc(response.data["sent"])


async def jobs(call_next: Callable[[], Awaitable[Any]], context: JobContext, worker: Worker) -> Any:
    """Middleware of procrastinate's worker. Measures every job."""
    task, outcome, started = context.job.task_name, "failed", time.perf_counter()
    try:
        result = await call_next()
        outcome = "succeeded"
        return result
    finally:
        JOBS.labels(task, outcome).inc()
        JOB_SECONDS.labels(task).observe(time.perf_counter() - started)


def sms(gateway: str, outcome: str, seconds: float) -> None:
    """Count an SMS that this gateway `sent` or `refused`. The gateway's name holds no secret."""
    SMS.labels(gateway, outcome).inc()
    SMS_SECONDS.labels(gateway).observe(seconds)
