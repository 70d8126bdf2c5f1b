"""Bearer tokens to people. `request.user` is the person, `request.auth` their session."""

from __future__ import annotations

from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from users.login import tokens
from users.login.tokens import Session
from users.models import User


class TokenAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[User, Session] | None:
        token = bearer(request)
        if token is None:
            return None
        session = tokens.authenticate(token)
        return session.device.user, session

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


def bearer(request: Request | HttpRequest) -> str | None:
    """The token that the request brings, if any."""
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
