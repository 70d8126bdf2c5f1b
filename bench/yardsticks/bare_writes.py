"""The least that Django can do for the writes: the very statements of the service, in its transactions, and no rules.

The ordinary case alone: a sign-up with a Russian phone in E.164 that has no open code, a login with `challenge_id` and
the right code, which is not compared here, and the first vote of a person for an invite code that somebody has.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import uuid
from datetime import datetime, timedelta
from typing import Any

import jwt
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.http import HttpRequest, HttpResponse
from procrastinate import sql as procrastinate_sql
from psycopg.types.json import Jsonb

from bench.yardsticks import bare, common
from profiles import activation, invite_codes, queries
from profiles import signup as profile_people
from users import accounts, clock, phones, sql
from users.login import codes, devices, risk, signin, sms_limits, tokens, tracks
from users.models import Challenge, Device, LoginCode, SmsDelivery, User

LOCK_BY_ID, LOCK_BY_PHONE = accounts._LOCK.format(column="id"), accounts._LOCK.format(column="phone")
INSERT_CODE, INSERT_CHALLENGE = sql._insertion(LoginCode), sql._insertion(Challenge)
INSERT_DELIVERY, INSERT_DEVICE = sql._insertion(SmsDelivery), sql._insertion(Device)
QUEUE_JOB = procrastinate_sql.queries["defer_jobs"]

VERIFIED_AT = sql._names(User).index("verified_at")
# Where a code begins in a row of signin._BY_ID.
CODE = len(sql._names(Challenge))

OPEN_FOR = timedelta(minutes=5)
RESEND_SECONDS = 30


def signup(request: HttpRequest) -> HttpResponse:
    phone = json.loads(request.body)["phone"]
    address = request.META.get("HTTP_X_FORWARDED_FOR", request.META["REMOTE_ADDR"]).rpartition(",")[2].strip()
    with transaction.atomic(), connection.cursor() as cursor:
        user_id, now = lock_or_create(cursor, phone)
        look(cursor, user_id, phone, address, now)
        public_id = queue_code(cursor, user_id, phone, address, now)
    return bare.answer(
        {
            "challenge_id": public_id,
            "code_length": codes.SHORT,
            "expires_in": int(OPEN_FOR.total_seconds()),
            "sent": True,
            "sent_at": bare.utc(now),
            "resend_in": RESEND_SECONDS,
        }
    )


def lock_or_create(cursor: CursorWrapper, phone: str) -> tuple[int, datetime]:
    cursor.execute(LOCK_BY_PHONE, [phone])
    row = cursor.fetchone()
    if row:
        return row[0], row[-1]
    cursor.execute(accounts._INSERT, [phone, hmac.digest(common.TOKEN_KEY, phone.encode(), "sha256")])
    user_id, *_, now, _ = cursor.fetchone()
    cursor.execute(profile_people._INSERT, [user_id, invite_codes.generate()])
    return user_id, now


def look(cursor: CursorWrapper, user_id: int, phone: str, address: str, now: datetime) -> None:
    """Read what the service judges by."""
    since = now - clock.DAY
    cursor.execute(tracks._SENDS, {"user": user_id, "since": since, "first": since - codes.OPEN_AT_MOST})
    cursor.fetchall()
    weighed: dict[str, Any] = {"user": user_id, "device": None, "now": now, "day": clock.DAY, "month": risk.MONTH}
    weighed |= {"weight": codes.MAX_ATTEMPTS, "short": codes.SHORT, "long": codes.LONG}
    cursor.execute(risk._UNKNOWN, {**weighed, "site": risk.SITE_DAY, "share": risk.SITE_SHARE})
    cursor.fetchone()
    asking = sms_limits.network(address)
    cursor.execute(sms_limits._WAIT_FOR_OTHERS, [str(asking[0])])
    counted: dict[str, Any] = {"first": asking[0], "last": asking[-1], "now": now, "hour": clock.HOUR, "day": clock.DAY}
    counted |= {"sends": sms_limits.ADDRESS_SENDS, "challenges": sms_limits.ADDRESS_CHALLENGES, "most": 10**9}
    cursor.execute(sms_limits._COUNTS, {**counted, "country": "RU", "prefix": phones.prefix(phone)})
    cursor.fetchone()


def queue_code(cursor: CursorWrapper, user_id: int, phone: str, address: str, now: datetime) -> str:
    """A new code, its challenge, its SMS and the job that sends it; values are in the order of the models' fields."""
    until = now + OPEN_FOR
    nonce, public_id = secrets.token_bytes(16), secrets.token_urlsafe(16)
    code = [user_id, None, codes.SHORT, nonce, "en", 1, 0, now, now, until, until, None, None]
    code_id = inserted(cursor, INSERT_CODE, code)
    inserted(cursor, INSERT_CHALLENGE, [public_id, code_id, address, 0, now])
    delivery = [
        code_id,
        "sms",
        "",
        "",
        "queued",
        phones.mask(phone),
        "RU",
        phones.prefix(phone),
        "",
        address,
        now,
        None,
    ]
    delivery_id = inserted(cursor, INSERT_DELIVERY, delivery)
    job = ("sms", "users.tasks.send_sms", 0, None, None, Jsonb({"delivery_id": delivery_id}), None)
    inserted(cursor, QUEUE_JOB, {"jobs": [job]})
    return public_id


def login(request: HttpRequest) -> HttpResponse:
    given = json.loads(request.body)
    with connection.cursor() as cursor:
        cursor.execute(signin._BY_ID, {"public_id": given["challenge_id"]})
        row = cursor.fetchone()
        cursor.execute(signin._CHARGE, {"challenge": row[0], "max": codes.MAX_ATTEMPTS, "now": None})
        cursor.fetchone()
        code_id, user_id = row[CODE : CODE + 2]
        with transaction.atomic():
            cursor.execute(LOCK_BY_ID, [user_id])
            person = cursor.fetchone()
            now = person[-1]
            cursor.execute(signin._USE, {"code": code_id, "user": user_id, "device": None, "now": now})
            cursor.fetchall()
            cursor.execute(signin._SIGNED_IN, {"person": user_id, "now": now})
            session, refresh_jti, device_token = start_session(cursor, user_id, request, now)
    return bare.answer(
        {
            "token": token("access", user_id, session, uuid.uuid4(), now + tokens.ACCESS_FOR),
            "refresh": token("refresh", user_id, session, refresh_jti, now + devices.REFRESH_IDLE),
            "expires_in": int(tokens.ACCESS_FOR.total_seconds()),
            "device_token": device_token,
            "created": person[VERIFIED_AT] is None,
        }
    )


def start_session(
    cursor: CursorWrapper, user_id: int, request: HttpRequest, now: datetime
) -> tuple[uuid.UUID, uuid.UUID, str]:
    """A new device, with its values in the order of the model's fields."""
    session, refresh_jti, device_token = uuid.uuid4(), uuid.uuid4(), secrets.token_urlsafe(32)
    trust = [secrets.token_bytes(16), hashlib.sha256(device_token.encode()).digest(), now + devices.TRUST_FOR]
    user_agent = request.META.get("HTTP_USER_AGENT", "")
    inserted(cursor, INSERT_DEVICE, [user_id, user_agent, now, session, now, now, refresh_jti, None, None, *trust])
    cursor.execute(devices._KEEP_LATEST, {"person": user_id, "kept": devices.TRUSTED_DEVICES})
    return session, refresh_jti, device_token


def token(kind: str, user_id: int, session: uuid.UUID, jti: uuid.UUID, until: datetime) -> str:
    claims = {"iss": common.ISSUER, "aud": common.AUDIENCE, "typ": kind, "exp": int(until.timestamp())}
    claims |= {"jti": jti.hex, "sub": str(user_id), "sid": session.hex}
    return jwt.encode(claims, common.TOKEN_KEY, "HS256")


def activate(request: HttpRequest) -> HttpResponse:
    claims = bare.claims_of(request)
    code = json.loads(request.body)["activated_invite"]
    session = {"session": claims["sid"], "person": int(claims["sub"])}
    with connection.cursor() as cursor:
        cursor.execute(tokens._SESSION, session)
        user_id = cursor.fetchone()[1]
        with transaction.atomic():
            cursor.execute(LOCK_BY_ID, [user_id])
            now = cursor.fetchone()[-1]
            cursor.execute(
                activation._LOOK_UP, {"code": code, "user": user_id, "since": now - activation.MISSES_COUNT_FOR}
            )
            inviter_id = cursor.fetchone()[0]
            cursor.execute(activation._VOTE, {"invitee": user_id, "inviter": inviter_id, "now": now})
        cursor.execute(queries._OWN_PROFILE, session)
        *person, newest, count, edge_at, edge_id = cursor.fetchone()
    return bare.profile_answer(request, [*person, count, newest or [], edge_at, edge_id])


def inserted(cursor: CursorWrapper, statement: str, values: Any) -> int:
    """The id of the new row."""
    cursor.execute(statement, values)
    return int(cursor.fetchone()[0])
