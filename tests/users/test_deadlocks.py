"""Parallel random actions on a few users do not deadlock."""

import random
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from profiles import phone_change, privacy
from profiles.signup import sign_up
from tests.support.login_steps import right, wrong
from tests.support.races import race
from users import accounts
from users.login import devices, signin, tokens
from users.login.decisions import TooManyRequests
from users.login.devices import DeviceNotFound
from users.models import Challenge, Device, LoginCode, User
from users.queries import database_now

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]

PHONES = ["+79990000001", "+79990000002"]
THREADS, MOVES = 8, 40
EXPECTED = (
    TooManyRequests,
    signin.InvalidCode,
    signin.AccountDisabled,
    tokens.TokenRevoked,
    DeviceNotFound,
    privacy.FreshSignInRequired,
    phone_change.OwnPhone,
    phone_change.PhoneTaken,
    Challenge.DoesNotExist,  # gone meanwhile
    LoginCode.DoesNotExist,
    User.DoesNotExist,
)


class Player:
    """A client that does random actions and stores its tokens."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.challenge, self.refresh, self.device_token = "", "", ""
        self.done: set[str] = set()

    def play(self) -> set[str]:
        moves: list[Callable[[], Any]] = [getattr(self, name) for name in dir(self) if name.startswith("move_")]
        for _ in range(MOVES):
            move = self.random.choice(moves)
            self.done.add(move.__name__)
            with suppress(*EXPECTED):
                move()
        return self.done

    def person(self) -> User:
        return User.objects.get(phone=self.random.choice(PHONES))

    def move_sign_up(self) -> None:
        self.challenge = self._sign_up().challenge_id

    def move_guess_wrong(self) -> None:
        signin.sign_in(wrong(self.challenge), challenge_id=self.challenge)

    def move_sign_in(self) -> None:
        self.move_sign_up()
        signed_in = signin.sign_in(right(self.challenge), challenge_id=self.challenge)
        self.refresh, self.device_token = signed_in.tokens.refresh, signed_in.device_token

    def move_refresh(self) -> None:
        if self.refresh:
            self.refresh = tokens.refresh(self.refresh).refresh

    def move_sign_out(self) -> None:
        if self.refresh:
            tokens.sign_out(self.refresh)

    def move_end_devices(self) -> None:
        user = self.person()
        devices.revoke_all(user, self._sign_up().sent_at)

    def move_disable(self) -> None:
        user = self.person()
        accounts.disable(user)
        accounts.enable(user)

    def move_erase(self) -> None:
        device = Device.objects.filter(user__phone__in=PHONES).order_by("?").first()
        if device:
            privacy.erase(device)

    def move_change_phone(self) -> None:
        device = Device.objects.filter(user__phone__in=PHONES, ended_at=None).order_by("?").first()
        if device:
            given = {"now": database_now(), "address": "192.0.2.1", "language": "en"}
            asked = phone_change.request_code(device, self.random.choice(PHONES), **given).challenge_id
            phone_change.confirm(device, right(asked), asked)

    def _sign_up(self) -> Any:
        phone = self.random.choice(PHONES)
        return sign_up(phone, address="192.0.2.1", language="en", device_token=self.device_token)


def test_mixed_actions_do_not_deadlock(settings: Any) -> None:
    settings.LOGIN_SEND_GAPS = [1]
    players = [Player(seed) for seed in range(THREADS)]

    played = race([player.play for player in players])

    assert [repr(error) for error in played if isinstance(error, Exception)] == []
    assert len(set().union(*played)) == 9


def test_guessing_during_an_erasure_does_not_deadlock() -> None:
    for n in range(12):
        phone = f"+79990002{n:03}"
        first = sign_up(phone, address=None, language="en").challenge_id
        signin.sign_in(right(first), challenge_id=first)
        asked = [sign_up(phone, address=None, language="en").challenge_id for _ in range(8)]
        mistaken = wrong(asked[0])

        erased, *guessed = race(
            [partial(privacy.erase, Device.objects.latest("pk"))]
            + [partial(signin.sign_in, mistaken, challenge_id=public_id) for public_id in asked]
        )

        assert erased is None
        assert {type(error) for error in guessed} == {signin.InvalidCode}
