"""Plain Django: a view is a function that runs the statements of the service and answers JSON.

It has no middleware (request ids, log lines, security headers, body limits, languages), no REST framework, no
negotiation, no OpenAPI document, no error documents, no key rotation, and no check whether a kept connection is alive.
"""

import json
from typing import Any

import jwt
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

from bench.baselines import common

_options = {"server_side_binding": True, "prepare_threshold": 3, "options": "-c plan_cache_mode=force_generic_plan"}
common.configure(__name__, options=_options, apps=[], MIDDLEWARE=[])
application = get_wsgi_application()

# What follows needs the models.
from bench.baselines import bare_writes  # noqa: E402
from profiles import queries  # noqa: E402
from users.login.tokens import TokenRevoked  # noqa: E402


def me(request: HttpRequest) -> HttpResponse:
    try:
        claims = claims_of(request)
        if request.method == "POST":
            bare_writes.activate(claims, json.loads(request.body)["activated_invite"])
        return own_profile(request, claims)
    except (jwt.InvalidTokenError, TokenRevoked):
        return common.answer({}, 401)


def claims_of(request: HttpRequest) -> dict[str, Any]:
    """Raises jwt.InvalidTokenError."""
    token = request.META.get("HTTP_AUTHORIZATION", "").removeprefix("Bearer ")
    claims = jwt.decode(token, common.TOKEN_KEY, ["HS256"], audience=common.AUDIENCE, issuer=common.ISSUER)
    if claims["typ"] != "access":
        raise jwt.InvalidTokenError
    return claims


def own_profile(request: HttpRequest, claims: dict[str, Any]) -> HttpResponse:
    """Raises TokenRevoked."""
    profile = queries.own_profile(claims["sid"], int(claims["sub"]))
    older = None
    if profile.last_shown:
        older = common.older_invitations(request.build_absolute_uri(f"{request.path}/invitations"), *profile.last_shown)
    return common.answer(
        {
            "user_id": profile.user_id,
            "phone": common.ten_digits(profile.phone),
            "invite_code": profile.invite_code,
            "activated_invite": profile.activated_invite,
            "activated_at": profile.activated_at and common.utc(profile.activated_at),
            "receipt_nonce": profile.receipt_nonce,
            "receipt": profile.receipt,
            "invitations_count": profile.invitations_count,
            "share_url": common.share_url(profile.invite_code),
            "invitations": [common.ten_digits(phone) for phone in profile.invitations],
            "invitations_next": older,
        }
    )


urlpatterns = [
    path("api/v1/profiles/me", me),
    path("api/auth/signup", bare_writes.signup),
    path("api/auth/login", bare_writes.login),
]
