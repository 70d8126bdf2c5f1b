"""Bearer tokens to people. `request.user` is the person, `request.auth` what the token opened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from profiles import reading
from profiles.reading import OwnProfile
from users import tokens
from users.models import User
from users.tokens import AccessToken, Session


def session(token: str) -> tuple[User, Session]:
    """The person, and their session."""
    opened = tokens.authenticate(token)
    return opened.device.user, opened


def own_profile(token: str) -> tuple[OwnProfile, OwnProfile]:
    """The person's own profile, read by the very statement that checks the session; it stands for the person too."""
    claims = AccessToken.parse(token)
    own = reading.own_profile(claims.session_id, claims.user_id)
    return own, own


class TokenAuthentication(BaseAuthentication):
    def __init__(self, opens: Callable[[str], tuple[Any, Any]] = session) -> None:
        self.opens = opens

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        return self.opens(token.strip()) if scheme.lower() == "bearer" else None

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'
