"""Plain Django: a view is a function that runs hand-written SQL and answers JSON. For writes see bare_writes.py.

It has no middleware (request ids, log lines, security headers, body limits, languages), no REST framework, no
negotiation, no OpenAPI document, no error documents, no key rotation, and no check whether a kept connection is alive.
"""

import json
import os
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import jwt
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path

from bench.baselines import common

settings.configure(
    ALLOWED_HOSTS=["localhost", "127.0.0.1"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=[],
    USE_TZ=True,
    TIME_ZONE="UTC",
    LOGGING_CONFIG=None,
    SECRET_KEY="signs nothing here",  # noqa: S106
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": os.environ["PGDATABASE"],
            "CONN_MAX_AGE": None,
            "OPTIONS": {"server_side_binding": True, "prepare_threshold": 3},
        }
    },
)


def own_profile(request: HttpRequest) -> HttpResponse:
    try:
        claims = claims_of(request)
    except jwt.InvalidTokenError:
        return answer({}, 401)
    if claims["typ"] != "access":
        return answer({}, 401)
    with connection.cursor() as cursor:
        cursor.execute(common.OWN_PROFILE, [claims["sid"], int(claims["sub"])])
        row = cursor.fetchone()
    return profile_answer(request, row) if row else answer({}, 401)


def claims_of(request: HttpRequest) -> dict[str, Any]:
    """Raises jwt.InvalidTokenError."""
    token = request.META.get("HTTP_AUTHORIZATION", "").removeprefix("Bearer ")
    return jwt.decode(token, common.TOKEN_KEY, ["HS256"], audience=common.AUDIENCE, issuer=common.ISSUER)


def profile_answer(request: HttpRequest, row: Sequence[Any]) -> HttpResponse:
    user_id, phone, invite_code, activated_invite, activated_at, count, phones, edge_at, edge_id = row
    older = None
    if len(phones) > common.NEWEST:
        older = common.older_invitations(request.build_absolute_uri(f"{request.path}/invitations"), edge_at, edge_id)
    return answer(
        {
            "user_id": user_id,
            "phone": common.ten_digits(phone),
            "invite_code": invite_code,
            "activated_invite": activated_invite,
            "activated_at": activated_at and utc(activated_at),
            "invitations_count": count,
            "share_url": common.share_url(invite_code),
            "invitations": [common.ten_digits(phone) for phone in phones[: common.NEWEST]],
            "invitations_next": older,
        }
    )


def answer(content: dict[str, Any], status: int = 200) -> HttpResponse:
    body = json.dumps(content).encode()
    return HttpResponse(body, "application/json", status, headers={"Content-Length": str(len(body))})


def utc(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")


application = get_wsgi_application()

from bench.baselines import bare_writes  # noqa: E402 - it imports this module


def me(request: HttpRequest) -> HttpResponse:
    return own_profile(request) if request.method == "GET" else bare_writes.activate(request)


urlpatterns = [
    path("api/v1/profiles/me", me),
    path("api/auth/signup", bare_writes.signup),
    path("api/auth/login", bare_writes.login),
]
