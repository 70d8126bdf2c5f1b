"""Requests for codes and log-ins by the domain's functions, with the time as an argument."""

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone

from profiles import signup
from users.login import codes, signin
from users.login.challenges import ChallengeIssued
from users.login.decisions import TooManyRequests
from users.login.diagnosis import diagnose
from users.login.signin import SignedIn
from users.login.tracks import DEVICES_SENDS
from users.models import Challenge, Device, LoginCode, User

PHONE = "+79991234567"
ADDRESS = "192.0.2.1"

# When the running test began.
_began = {"at": timezone.now()}


def begin() -> None:
    """Begin the story of a test. What it stores is compared with the database's clock, however long the run takes."""
    _began["at"] = timezone.now()


def at(seconds: float) -> datetime:
    """The time this many seconds after the start of the test's story."""
    return _began["at"] + timedelta(seconds=seconds)


def ask(seconds: float = 0, phone: str = PHONE, **given: Any) -> ChallengeIssued:
    return signup.sign_up(phone, **{"address": ADDRESS, "language": "en", "now": at(seconds), **given})


def someone(number: int) -> str:
    """A phone with its own number prefix."""
    return f"+7999{number:03}0000"


def refused(*given: Any, **named: Any) -> int:
    """The `retry_after` of a refused request, in seconds."""
    with pytest.raises(TooManyRequests) as refusal:
        ask(*given, **named)
    return refusal.value.retry_after


def answer(asked: ChallengeIssued, seconds: float = 0, typed: str = "", **given: Any) -> SignedIn:
    """Sign in with the correct code, or with `typed`."""
    typed = typed or right(asked.challenge_id)
    return signin.sign_in(typed, **{"challenge_id": asked.challenge_id, "now": at(seconds), **given})


def challenge(public_id: str) -> Challenge:
    return Challenge.objects.select_related("login_code").get(public_id=public_id)


def right(public_id: str) -> str:
    """The code in the SMS of this challenge."""
    code = challenge(public_id).login_code
    return codes.derive(code.nonce, code.length, code.changing_user_id)


def wrong(public_id: str) -> str:
    """A wrong code of the correct length."""
    digits = right(public_id)
    return f"{(int(digits) + 1) % 10 ** len(digits):0{len(digits)}}"


def draw_other_codes(monkeypatch: pytest.MonkeyPatch, *digits: str) -> None:
    """Let no drawn short code be one of these by chance."""
    nonces = iter(codes.new_nonce, b"")
    others = (nonce for nonce in nonces if codes.derive(nonce, codes.SHORT) not in digits)
    monkeypatch.setattr(codes, "new_nonce", lambda: next(others))


def set_code(public_id: str, **values: Any) -> None:
    """Change columns of this challenge's code."""
    LoginCode.objects.filter(attached__public_id=public_id).update(**values)


def stranger(seconds: float, number: int = 0, **given: Any) -> ChallengeIssued:
    """Request a code from an unused address."""
    return ask(seconds, address=f"203.0.{number // 250}.{number % 250 + 1}", **given)


def device_token() -> str:
    return answer(ask()).device_token


def weigh(phone: str, weight: int, ended: float, **values: Any) -> LoginCode:
    """Insert an earlier short code with this many wrong guesses."""
    user, _ = User.objects.get_or_create(phone=phone)
    times = dict.fromkeys(["created_at", "sent_at", "open_until", "expires_at", "closed_at"], at(ended))
    return LoginCode.objects.create(
        **{"user": user, "length": 4, "nonce": b"n", "language": "en", "wrong": weight, "challenges": 9}
        | times
        | values
    )


def diagnosed(seconds: float = 0) -> Any:
    """What the diagnosis of PHONE's user collects, as attributes."""
    return SimpleNamespace(**diagnose(User.objects.get(phone=PHONE), at(seconds)))


def use_up_devices(device: Device) -> None:
    """Insert as many SMS of the last hour to this device as all known devices of a phone may get in a day."""
    for _ in range(DEVICES_SENDS):
        code = weigh(device.user.phone or "", 0, ended=-1, device=device)
        code.deliveries.create(created_at=at(-1))
