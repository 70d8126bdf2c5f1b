"""Signed-in users and their clients."""

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models.functions import Coalesce, Now
from django.utils import timezone
from rest_framework.test import APIClient

from api import cookies
from profiles import signup
from profiles.models import Profile
from users.login import devices, tokens
from users.models import User


@dataclass
class SignedInUser:
    """A signed-in user, and what their client stores."""

    phone: str
    api: APIClient
    token: str
    refresh: str
    device_token: str

    @property
    def profile(self) -> Profile:
        return Profile.objects.select_related("user").get(user__phone=f"+7{self.phone}")

    @property
    def code(self) -> str:
        return self.profile.invite_code

    def me(self) -> dict[str, Any]:
        return self.api.get("/api/v1/profiles/me").json()

    def activate(self, code: str) -> Any:
        return self.api.post("/api/v1/profiles/me", {"activated_invite": code})


def client(**defaults: Any) -> APIClient:
    """A client that sends JSON and keeps cookies."""
    made = APIClient(**defaults)
    made.default_format = "json"
    return made


def signed_in(phone: str = "9991234567", **more: Any) -> SignedInUser:
    """A user who signs in by the API. `more` are fields of the sign-up."""
    api = client()
    asked = api.post("/api/auth/signup", {"phone": phone, **more}).json()
    answer = api.post("/api/auth/login", {"code": asked["code"]}).json()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {answer['token']}")
    return SignedInUser(phone, api, answer["token"], answer["refresh"], answer["device_token"])


def in_session(phone: str) -> SignedInUser:
    """A user as if just signed in, without the cost of a sign-in: there is no code and no SMS of it."""
    now = timezone.now()
    with transaction.atomic():
        user = signup.lock_or_create(f"+7{phone}")
        User.objects.filter(pk=user.pk).update(last_login=now, verified_at=Coalesce("verified_at", now))
        device, device_token = devices.start_session(user, None, "", now)
    pair = tokens.issue(device)
    api = client()
    api.cookies[cookies.DEVICE] = device_token
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {pair.token}")
    return SignedInUser(phone, api, pair.token, pair.refresh, device_token)


def registered(phone: str, **values: Any) -> Profile:
    """The profile of a verified user, created without the cost of a sign-in. `values` are columns of the user."""
    with transaction.atomic():
        user = signup.lock_or_create(f"+7{phone}")
        User.objects.filter(pk=user.pk).update(**{"verified_at": Now(), **values})
    return Profile.objects.select_related("user").get(pk=user.pk)
