"""Bearer tokens. `request.auth` is what the token opens."""

from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework_simplejwt.models import TokenUser

from users.login import tokens
from users.login.tokens import AccessToken, Session
from users.models import User


class SessionRequest(Request):
    """The type of a request that TokenAuthentication has authenticated."""

    user: User
    auth: Session


class OwnProfileRequest(Request):
    """The type of a GET that OwnProfileAuthentication has authenticated."""

    auth: AccessToken


class TokenAuthentication(BaseAuthentication):
    """`request.user` is the User and `request.auth` the live Session, both read by one statement."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        token = bearer_token(request)
        if token is None:
            return None
        session = tokens.authenticate(token)
        return session.device.user, session

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class OwnProfileAuthentication(TokenAuthentication):
    """Check only signature and claims of a token that reads the own profile; `request.auth` is the AccessToken.

    The statement that reads the profile also checks the session (`profiles.queries.own_profile`). Reading the session
    here too would double the statements of the most frequent request.
    """

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        if request.method not in ("GET", "HEAD"):
            return super().authenticate(request)
        token = bearer_token(request)
        if token is None:
            return None
        claims = AccessToken.parse(token)
        return TokenUser(claims), claims


def bearer_token(request: Request) -> str | None:
    """The token of the request's `Authorization: Bearer …` header."""
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
