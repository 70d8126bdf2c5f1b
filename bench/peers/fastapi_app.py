"""FastAPI with asyncpg and hand-written SQL. It answers one's own profile from the service's database and tokens."""

import base64
import json
import os
from contextlib import asynccontextmanager

import asyncpg
import jwt
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

KEY = bytes.fromhex(os.environ["BASELINE_TOKEN_KEY"])
SITE_URL = os.environ["SITE_URL"]
SHOWN = 50

OWN_PROFILE = f"""
SELECT person.id, person.phone, profile.invite_code, inviter.invite_code AS activated_invite,
       vote.created_at AS activated_at, encode(vote.nonce, 'hex') AS receipt_nonce,
       encode(vote.receipt, 'hex') AS receipt,
       profile.invitations_count, newest.phones,
       newest.times[{SHOWN}] AS last_at, newest.invitees[{SHOWN}] AS last_invitee
  FROM users_device AS device
  JOIN users_user AS person ON person.id = device.user_id AND person.is_active
  JOIN profiles_profile AS profile ON profile.user_id = person.id
  LEFT JOIN profiles_activation AS vote ON vote.invitee_id = person.id
  LEFT JOIN profiles_profile AS inviter ON inviter.user_id = vote.inviter_id
 CROSS JOIN LATERAL (
       SELECT array_agg(phone) AS phones, array_agg(created_at) AS times, array_agg(invitee_id) AS invitees
         FROM (SELECT invitee.phone, given.created_at, given.invitee_id
                 FROM profiles_activation AS given
                 JOIN users_user AS invitee ON invitee.id = given.invitee_id AND invitee.is_active
                WHERE given.inviter_id = person.id
                ORDER BY given.created_at DESC, given.invitee_id DESC LIMIT {SHOWN + 1}) AS given) AS newest
 WHERE device.session_id = $1 AND device.user_id = $2 AND device.ended_at IS NULL
"""  # noqa: S608


@asynccontextmanager
async def lifespan(app):
    async with asyncpg.create_pool(min_size=4, max_size=8) as app.state.pool:
        yield


app = FastAPI(lifespan=lifespan, openapi_url=None)
bearer = HTTPBearer()


@app.get("/api/v1/profiles/me")
async def me(request: Request, given: HTTPAuthorizationCredentials = Depends(bearer)):  # noqa: B008
    try:
        claims = jwt.decode(given.credentials, KEY, ["HS256"], audience="inviting_app:api", issuer="inviting_app")
    except jwt.InvalidTokenError as error:
        raise HTTPException(401) from error
    row = await app.state.pool.fetchrow(OWN_PROFILE, claims["sid"], int(claims["sub"]))
    if row is None or claims["typ"] != "access":
        raise HTTPException(401)
    phones, older = row["phones"] or [], None
    if len(phones) > SHOWN:
        edge = json.dumps([row["last_at"].isoformat(), row["last_invitee"]]).encode()
        older = f"{SITE_URL}/api/v1/profiles/me/invitations?cursor={base64.urlsafe_b64encode(edge).decode()}"
    at = row["activated_at"]
    return JSONResponse(
        {
            "user_id": row["id"],
            "phone": row["phone"].removeprefix("+7"),
            "invite_code": row["invite_code"],
            "activated_invite": row["activated_invite"],
            "activated_at": at and at.isoformat().replace("+00:00", "Z"),
            "receipt_nonce": row["receipt_nonce"],
            "receipt": row["receipt"],
            "invitations_count": row["invitations_count"],
            "share_url": f"{SITE_URL}/i/{row['invite_code']}",
            "invitations": [phone.removeprefix("+7") for phone in phones[:SHOWN]],
            "invitations_next": older,
        }
    )
