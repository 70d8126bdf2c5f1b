"""FastAPI on SQLAlchemy's asynchronous ORM, as in their manuals: models, a session for each request, eager loading.

Leaves out what the plain Django view leaves out.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from sqlalchemy import URL, DateTime, ForeignKey, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, contains_eager, joinedload, mapped_column, relationship

from bench.yardsticks import common
from bench.yardsticks.shapes import OwnProfile, Signed, refused


class Base(DeclarativeBase):
    type_annotation_map = {datetime: DateTime(timezone=True)}


class User(Base):
    __tablename__ = "users_user"

    id: Mapped[int] = mapped_column(primary_key=True)
    phone: Mapped[str | None]
    is_active: Mapped[bool]


class Device(Base):
    __tablename__ = "users_device"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users_user.id"))
    session_id: Mapped[uuid.UUID]
    ended_at: Mapped[datetime | None]
    user: Mapped[User] = relationship()


class Profile(Base):
    __tablename__ = "profiles_profile"

    user_id: Mapped[int] = mapped_column(ForeignKey("users_user.id"), primary_key=True)
    invite_code: Mapped[str]
    invitations_count: Mapped[int]
    user: Mapped[User] = relationship()
    activation: Mapped[Activation | None] = relationship(
        foreign_keys="Activation.invitee_id", back_populates="invitee", uselist=False
    )


class Activation(Base):
    __tablename__ = "profiles_activation"

    invitee_id: Mapped[int] = mapped_column(ForeignKey("profiles_profile.user_id"), primary_key=True)
    inviter_id: Mapped[int] = mapped_column(ForeignKey("profiles_profile.user_id"))
    created_at: Mapped[datetime]
    invitee: Mapped[Profile] = relationship(foreign_keys=invitee_id, back_populates="activation")
    inviter: Mapped[Profile] = relationship(foreign_keys=inviter_id)


engine = create_async_engine(
    URL.create(
        "postgresql+asyncpg",
        os.environ["PGUSER"],
        database=os.environ["PGDATABASE"],
        query={"host": os.environ["PGHOST"]},
    ),
    pool_size=10,
)
new_session = async_sessionmaker(engine, expire_on_commit=False)
app = FastAPI()


async def session() -> AsyncIterator[AsyncSession]:
    async with new_session() as opened:
        yield opened


Session = Annotated[AsyncSession, Depends(session)]


async def current_user(claims: Signed, session: Session) -> User:
    query = select(Device).options(joinedload(Device.user, innerjoin=True))
    device = await session.scalar(query.filter_by(session_id=claims.session_id, user_id=claims.user_id))
    if device is None or device.ended_at is not None or not device.user.is_active:
        raise refused()
    return device.user


@app.get("/api/v1/profiles/me")
async def own_profile(request: Request, user: Annotated[User, Depends(current_user)], session: Session) -> OwnProfile:
    vote = joinedload(Profile.activation).joinedload(Activation.inviter)
    profile = await session.get_one(Profile, user.id, options=[vote])
    newest = (
        select(Activation)
        .join(Activation.invitee)
        .join(Profile.user)
        .options(contains_eager(Activation.invitee).contains_eager(Profile.user))
        .where(Activation.inviter_id == user.id, User.is_active)
        .order_by(Activation.created_at.desc(), Activation.invitee_id.desc())
        .limit(common.NEWEST + 1)
    )
    votes = (await session.scalars(newest)).all()
    older = None
    if len(votes) > common.NEWEST:
        edge = votes[common.NEWEST - 1]
        older = common.older_invitations(f"{request.url}/invitations", edge.created_at, edge.invitee_id)
    own = profile.activation
    return OwnProfile(
        user_id=user.id,
        phone=common.ten_digits(user.phone or ""),
        invite_code=profile.invite_code,
        activated_invite=own.inviter.invite_code if own else None,
        activated_at=own.created_at if own else None,
        invitations_count=profile.invitations_count,
        share_url=common.share_url(profile.invite_code),
        invitations=[common.ten_digits(vote.invitee.user.phone or "") for vote in votes[: common.NEWEST]],
        invitations_next=older,
    )
