"""Sign-up, login and activation in plain Django: the usual case without any rules.

A sign-up has a new Russian phone in E.164. A login has a `challenge_id`, and its code is not compared. An activation is
a user's first. They send the statements of the service in the same transactions: seven, four and five.
"""

import hashlib
import hmac
import json
import secrets
import uuid
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Any

import jwt
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from bench.baselines import common, statements
from profiles import activation_queries, invite_codes, signup_queries
from users import limit_queries, login_queries, sql
from users.login.devices import TRUST_FOR
from users.models import Challenge, Device, LoginCode, SmsDelivery
from users.network_queries import live_counts, lock_and_count

OPEN_FOR, ACCESS_FOR, REFRESH_FOR = timedelta(minutes=5), timedelta(minutes=10), timedelta(days=30)
MINUTE = timedelta(minutes=1)


def signup(request: HttpRequest) -> HttpResponse:
    phone = json.loads(request.body)["phone"]
    address = request.META.get("HTTP_X_FORWARDED_FOR", request.META["REMOTE_ADDR"]).rpartition(",")[2].strip()
    with transaction.atomic():
        network = [ip_network(address)]
        now, _, stored = lock_and_count(network, None, most=10**9, country="RU", prefix=phone[:-4])
        limits = {"sends": [10], "challenges": [60], "of_phone": 60, "through": stored[0].through, "recount": MINUTE}
        live_counts(network, now, phone=phone, **limits)
        sql.fetch_optional(statements.LOCK_BY_PHONE, [phone])
        limit_queries.history([], None, now, weight=3, site=497)
        phone_hash = hmac.digest(common.TOKEN_KEY, phone.encode(), "sha256")
        created = signup_queries.insert_user(phone, phone_hash, invite_codes.generate(), now)
        assert created
        until = {"sent_at": now, "open_until": now + OPEN_FOR, "expires_at": now + OPEN_FOR}
        values = {"nonce": secrets.token_bytes(16), "language": "en", "challenges": 1, "created_at": now}
        code = LoginCode(user=created.user, length=4, **values, **until)
        challenge = Challenge(address=address, created_at=now)
        masked = {"address": f"+7***{phone[-4:]}", "country": "RU", "prefix": phone[:-4]}
        delivery = SmsDelivery(client_address=address, created_at=now, next_try_at=now, **masked)
        login_queries.insert_code(code, challenge, delivery)
        transaction.on_commit(lambda: sql.execute(statements.ANNOUNCE_SMS, []))
    content = {"challenge_id": challenge.public_id, "code_length": 4, "expires_in": int(OPEN_FOR.total_seconds())}
    return common.answer(content | {"sent": True, "sent_at": common.utc(now), "resend_in": 30})


def login(request: HttpRequest) -> HttpResponse:
    attempt = login_queries.consume_attempt(json.loads(request.body)["challenge_id"], 4, None)
    assert attempt
    user_id = attempt.challenge.login_code.user_id
    with transaction.atomic():
        _, verified_at, now = sql.fetch_one(statements.LOCK_BY_ID, [user_id])
        session, jti, device_token = uuid.uuid4(), uuid.uuid4(), secrets.token_urlsafe(32)
        login_queries.mark_used(attempt.challenge, session, now)
        device = Device(user_id=user_id, created_at=now, session_id=session, signed_in_at=now, refreshed_at=now)
        device.refresh_jti, device.trust_nonce = jti, secrets.token_bytes(16)
        device.trust_hash, device.trusted_until = hashlib.sha256(device_token.encode()).digest(), now + TRUST_FOR
        device.user_agent = request.META.get("HTTP_USER_AGENT", "")
        login_queries.insert_device(device, 5, 100)
    return common.answer(
        {
            "token": token("access", user_id, session, uuid.uuid4(), now + ACCESS_FOR),
            "refresh": token("refresh", user_id, session, jti, now + REFRESH_FOR),
            "expires_in": int(ACCESS_FOR.total_seconds()),
            "device_token": device_token,
            "created": verified_at is None,
        }
    )


def token(kind: str, user_id: int, session: uuid.UUID, jti: uuid.UUID, until: datetime) -> str:
    claims = {"iss": common.ISSUER, "aud": common.AUDIENCE, "typ": kind, "exp": int(until.timestamp())}
    claims |= {"jti": jti.hex, "sub": str(user_id), "sid": session.hex}
    return jwt.encode(claims, common.TOKEN_KEY, "HS256")


def activate(claims: dict[str, Any], invite_code: str) -> None:
    user_id = int(claims["sub"])
    sql.fetch_one(statements.FIND_SESSION, [claims["sid"], user_id])
    with transaction.atomic():
        now = sql.fetch_one(statements.LOCK_BY_ID, [user_id])[-1]
        inviter_id = activation_queries.activation_context(user_id, invite_code, now - timedelta(days=1)).inviter_id
        assert inviter_id
        activation_queries.insert_activation(user_id, inviter_id, now)
