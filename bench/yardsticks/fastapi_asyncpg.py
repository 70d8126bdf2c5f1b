"""FastAPI on asyncpg: the one statement of the plain Django view, from a pool, into a pydantic model.

Leaves out what the plain Django view leaves out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from fastapi import FastAPI, Request

from bench.yardsticks import common
from bench.yardsticks.shapes import OwnProfile, Signed, refused


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with asyncpg.create_pool() as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/api/v1/profiles/me")
async def own_profile(request: Request, claims: Signed) -> OwnProfile:
    row = await request.app.state.pool.fetchrow(common.OWN_PROFILE, claims.session_id, claims.user_id)
    if row is None:
        raise refused()
    user_id, phone, invite_code, activated_invite, activated_at, count, phones, edge_at, edge_id = row
    older = None
    if len(phones) > common.NEWEST:
        older = common.older_invitations(f"{request.url}/invitations", edge_at, edge_id)
    return OwnProfile(
        user_id=user_id,
        phone=common.ten_digits(phone),
        invite_code=invite_code,
        activated_invite=activated_invite,
        activated_at=activated_at,
        invitations_count=count,
        share_url=common.share_url(invite_code),
        invitations=[common.ten_digits(phone) for phone in phones[: common.NEWEST]],
        invitations_next=older,
    )
