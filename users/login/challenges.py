"""Requests for a sign-in code: which code a client gets, and whether an SMS is sent for it.

A code belongs to a phone, a track (a known device, or all unknown devices) and a length. Attempts belong to the
challenge, one for each client that requests the code. So a stranger at another network address can neither consume the
owner's attempts nor, by requesting first, keep the owner from a code. Under attack a code gets longer; nobody is locked
out.
"""

import math
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction

from users import login_queries, phones
from users.context import request_id
from users.login import codes
from users.login.decisions import CodeDecision
from users.models import Challenge, LoginCode, SmsDelivery, User
from users.sms.queries import announce


@dataclass(frozen=True)
class ChallengeIssued:
    """The answer to a sign-up. Times are in seconds from now. `code` is set in demo mode only."""

    challenge_id: str
    code_length: int
    expires_in: int
    sent: bool
    sent_at: datetime
    resend_in: int
    code: str | None


def issue(decision: CodeDecision, user: User, address: str | None, language: str) -> ChallengeIssued:
    """Do what was decided: give the client a challenge for this user's code, and send the code if it is time.

    The code and its SMS, which waits in its row, commit together with the rest of the caller's transaction.
    """
    now = decision.track.now
    code = _updated_code(decision, user, language)
    challenge = decision.existing or Challenge(login_code=code, address=address, created_at=now)
    assert user.phone is not None
    delivery = _delivery(code, user.phone, None if code.device_id or settings.DEMO else address, now)
    if code.pk is None:  # a new code is always sent, and its challenge is new
        login_queries.insert_code(code, challenge, delivery)
    else:
        _save(decision, code, challenge, delivery)
    send_delay = decision.send_delay
    if decision.send:
        send_delay = decision.sends.delay(now)
        # If it fails, a worker finds the SMS by itself, a little later.
        transaction.on_commit(announce, robust=True)
    return ChallengeIssued(
        challenge_id=challenge.public_id,
        code_length=code.length,
        expires_in=math.floor((code.expires_at - now).total_seconds()),
        sent=decision.send,
        sent_at=code.sent_at,
        resend_in=math.ceil(send_delay.total_seconds()),
        code=codes.derive(code.nonce, code.length, code.changing_user_id) if settings.DEMO else None,
    )


def _updated_code(decision: CodeDecision, user: User, language: str) -> LoginCode:
    """The open code or a new one, with its new challenge, its new send, or both."""
    track, sends = decision.track, decision.sends
    code = sends.open_code or _new_code(decision, user, language)
    if decision.send:
        sends.times.append(track.now)
        code.sent_at = track.now
        code.open_until = codes.open_until(code.created_at, code.length, track.now + sends.delay(track.now))
    if decision.existing is None:
        code.challenges += 1
    if decision.send or decision.existing is None:
        code.expires_at = max(code.open_until, track.now + codes.VALID_AFTER_UPDATE)
    return code


def _save(decision: CodeDecision, code: LoginCode, challenge: Challenge, delivery: SmsDelivery) -> None:
    """Save what is new for an open code."""
    if decision.send or decision.existing is None:
        # Never `wrong`: attempts are counted without the user's lock, and a stale count would undo them.
        code.save(update_fields=("challenges", "sent_at", "open_until", "expires_at"))
    if decision.existing is None:
        challenge.save(force_insert=True)
    if decision.send:
        delivery.save(force_insert=True)


def _new_code(decision: CodeDecision, user: User, language: str) -> LoginCode:
    track, length = decision.track, decision.length
    if decision.sends.has_stale_code:
        of_user = LoginCode.objects.filter(user=user, changing_user=track.changing_user_id)
        stale = of_user.filter(device=track.device, length=length, closed_at=None)
        stale.update(closed_at=track.now)
    return LoginCode(
        user=user,
        device=track.device,
        changing_user_id=track.changing_user_id,
        length=length,
        nonce=codes.new_nonce(),
        language=language,
        created_at=track.now,
    )


def send_notice(code: LoginCode, phone: str, now: datetime) -> None:
    """Have the SMS sent that tells this E.164 phone that its user has changed to another one by this code.

    It commits with the caller's transaction.
    """
    delivery = _delivery(code, phone, None, now)
    delivery.notice_phone = phone
    delivery.save(force_insert=True)
    transaction.on_commit(announce, robust=True)


def _delivery(code: LoginCode, phone: str, client_address: str | None, now: datetime) -> SmsDelivery:
    return SmsDelivery(
        login_code=code,
        address=phones.mask(phone),
        country=phones.country(phone),
        prefix=phones.prefix(phone),
        client_address=client_address,
        request_id=request_id.get(),
        next_try_at=now,
        created_at=now,
    )
