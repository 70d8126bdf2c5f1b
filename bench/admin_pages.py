"""How long each list of the admin takes."""

from __future__ import annotations

import time

from bench import load
from bench.load import Request
from bench.stage import Stage

TIMES = 10


def times(stage: Stage) -> dict[str, list[float]]:
    """Milliseconds of each list, again and again, by its path; a superuser's browser asks. Raises RuntimeError."""
    session = _session()
    return {path: [_time(stage.port, Request(path, session)) for _ in range(TIMES)] for path in _lists()}


def _session() -> dict[str, str]:
    from django.conf import settings
    from django.test import Client

    from bench.scenarios import OPERATOR
    from users.models import User

    browser = Client()
    browser.force_login(User.objects.get(pk=OPERATOR), backend="django.contrib.auth.backends.ModelBackend")
    cookie = browser.cookies[settings.SESSION_COOKIE_NAME]
    return {"Cookie": f"{cookie.key}={cookie.value}"}


def _lists() -> list[str]:
    from django.contrib import admin
    from django.urls import reverse

    admin.autodiscover()
    labels = [model._meta for model in admin.site._registry]
    return [reverse(f"admin:{label.app_label}_{label.model_name}_changelist") for label in labels]


def _time(port: int, request: Request) -> float:
    started = time.perf_counter()
    status, _ = load.once(port, request)
    if status != 200:
        raise RuntimeError(f"{request.path} answers {status}")
    return (time.perf_counter() - started) * 1000
