"""What the two FastAPI yardsticks share: the answer's model, and who a token says is asking."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, NamedTuple

import jwt
from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

from bench.yardsticks import common


class OwnProfile(BaseModel):
    user_id: int
    phone: str
    invite_code: str
    activated_invite: str | None
    activated_at: datetime | None
    invitations_count: int
    share_url: str
    invitations: list[str]
    invitations_next: str | None


class Claims(NamedTuple):
    session_id: uuid.UUID
    user_id: int


def refused() -> HTTPException:
    return HTTPException(401, headers={"WWW-Authenticate": "Bearer"})


async def claims(bearer: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> Claims:
    """Raises HTTPException where the token is none of the service's."""
    key = common.TOKEN_KEY
    try:
        found = jwt.decode(bearer.credentials, key, ["HS256"], audience=common.AUDIENCE, issuer=common.ISSUER)
    except jwt.InvalidTokenError as error:
        raise refused() from error
    if found["typ"] != "access":
        raise refused()
    return Claims(uuid.UUID(found["sid"]), int(found["sub"]))


Signed = Annotated[Claims, Depends(claims)]
