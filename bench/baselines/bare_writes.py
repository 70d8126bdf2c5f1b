"""Sign-up, login and activation in plain Django: the usual case without any rules.

A sign-up has a new Russian phone in E.164. A login has a `challenge_id`, and its code is not compared. An activation is
a user's first.
"""

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

from bench.baselines import bare, common, statements

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
OPEN_FOR, ACCESS_FOR, REFRESH_FOR = timedelta(minutes=5), timedelta(minutes=10), timedelta(days=30)


def signup(request: HttpRequest) -> HttpResponse:
    phone = json.loads(request.body)["phone"]
    address = request.META.get("HTTP_X_FORWARDED_FOR", request.META["REMOTE_ADDR"]).rpartition(",")[2].strip()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statements.LOCK_BY_PHONE, [phone])
        cursor.fetchone()
        cursor.execute(statements.INSERT_USER, [phone, hmac.digest(common.TOKEN_KEY, phone.encode(), "sha256")])
        user_id, now, _ = cursor.fetchone()
        cursor.execute(statements.INSERT_PROFILE, [user_id, "".join(secrets.choice(ALPHABET) for _ in range(6))])
        values = {"user": user_id, "now": now, "address": address, "prefix": phone[:-4], "until": now + OPEN_FOR}
        cursor.execute(statements.RECENT_SENDS, values)
        cursor.fetchall()
        cursor.execute(statements.RISK_WEIGHTS, values)
        cursor.fetchone()
        cursor.execute(statements.LOCK_ADDRESS, [address])
        cursor.execute(statements.SMS_COSTS, values)
        cursor.fetchone()
        public_id = send_code(cursor, values, masked=f"+7***{phone[-4:]}")
    content = {"challenge_id": public_id, "code_length": 4, "expires_in": int(OPEN_FOR.total_seconds())}
    return bare.answer(content | {"sent": True, "sent_at": bare.utc(now), "resend_in": 30})


def send_code(cursor: CursorWrapper, values: dict[str, Any], masked: str) -> str:
    """Insert a code, its challenge, its SMS and the job that sends it."""
    public_id = secrets.token_urlsafe(16)
    code_id = inserted(cursor, statements.INSERT_CODE, values | {"nonce": secrets.token_bytes(16)})
    inserted(cursor, statements.INSERT_CHALLENGE, [public_id, code_id, values["address"], values["now"]])
    delivery_id = inserted(cursor, statements.INSERT_DELIVERY, values | {"code": code_id, "masked": masked})
    inserted(cursor, statements.DEFER_JOB, [delivery_id])
    return public_id


def login(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute(statements.FIND_CHALLENGE, [json.loads(request.body)["challenge_id"]])
        challenge_id, code_id, user_id = cursor.fetchone()[-3:]
        cursor.execute(statements.CONSUME_ATTEMPT, [challenge_id])
        cursor.fetchone()
        with transaction.atomic():
            cursor.execute(statements.LOCK_BY_ID, [user_id])
            _, verified_at, now = cursor.fetchone()
            cursor.execute(statements.MARK_USED, {"code": code_id, "user": user_id, "now": now})
            cursor.fetchall()
            cursor.execute(statements.VERIFY_USER, {"user": user_id, "now": now})
            session, refresh_jti, device_token = start_session(cursor, user_id, request, now)
    return bare.answer(
        {
            "token": token("access", user_id, session, uuid.uuid4(), now + ACCESS_FOR),
            "refresh": token("refresh", user_id, session, refresh_jti, now + REFRESH_FOR),
            "expires_in": int(ACCESS_FOR.total_seconds()),
            "device_token": device_token,
            "created": verified_at is None,
        }
    )


def start_session(
    cursor: CursorWrapper, user_id: int, request: HttpRequest, now: datetime
) -> tuple[uuid.UUID, uuid.UUID, str]:
    """Insert a device. Returns the id of its session, that of its refresh token, and its device token."""
    session, jti, device_token = uuid.uuid4(), uuid.uuid4(), secrets.token_urlsafe(32)
    values = {"user": user_id, "agent": request.META.get("HTTP_USER_AGENT", ""), "now": now, "session": session}
    values |= {"jti": jti, "nonce": secrets.token_bytes(16), "hash": hashlib.sha256(device_token.encode()).digest()}
    inserted(cursor, statements.INSERT_DEVICE, values)
    cursor.execute(statements.KEEP_LATEST_TRUSTED, [user_id])
    return session, jti, device_token


def token(kind: str, user_id: int, session: uuid.UUID, jti: uuid.UUID, until: datetime) -> str:
    claims = {"iss": common.ISSUER, "aud": common.AUDIENCE, "typ": kind, "exp": int(until.timestamp())}
    claims |= {"jti": jti.hex, "sub": str(user_id), "sid": session.hex}
    return jwt.encode(claims, common.TOKEN_KEY, "HS256")


def activate(request: HttpRequest) -> HttpResponse:
    claims = bare.claims_of(request)
    session, user_id = claims["sid"], int(claims["sub"])
    code = json.loads(request.body)["activated_invite"]
    with connection.cursor() as cursor:
        cursor.execute(statements.FIND_SESSION, [session, user_id])
        cursor.fetchone()
        with transaction.atomic():
            cursor.execute(statements.LOCK_BY_ID, [user_id])
            now = cursor.fetchone()[-1]
            cursor.execute(statements.ACTIVATION_CONTEXT, {"code": code, "user": user_id, "now": now})
            cursor.execute(statements.INSERT_VOTE, [user_id, cursor.fetchone()[0], now])
    return bare.own_profile(request)


def inserted(cursor: CursorWrapper, statement: str, values: Any) -> int:
    """The id of the new row."""
    cursor.execute(statement, values)
    return int(cursor.fetchone()[0])
