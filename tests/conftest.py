"""People, clients and a real PostgreSQL for the tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now
from rest_framework.test import APIClient

from inviting_app import environment
from inviting_app.embedded import OPTIONS, Embedded
from profiles import people
from profiles.models import Profile
from users.models import User


@pytest.fixture(scope="session", autouse=True)
def postgres() -> Iterator[None]:
    """The embedded PostgreSQL, unless DATABASE_URL names another; it need not survive a power cut."""
    OPTIONS.update(fsync="off", synchronous_commit="off", full_page_writes="off")
    with nullcontext() if environment.DATABASE else Embedded(settings.DATA_DIR).running():
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings(postgres: None) -> None:
    """PostgreSQL runs before the test database is made."""


@pytest.fixture(autouse=True)
def quick(settings: Any) -> None:
    """Pages without `collectstatic` before them, and passwords of operators without slow hashing."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.STORAGES = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}


@pytest.fixture
def empty_queue(transactional_db: None) -> None:
    """The queue without jobs of earlier tests: Django does not empty its tables."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE procrastinate_jobs CASCADE")


@dataclass
class Person:
    """A signed-in person and what their client keeps."""

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


@pytest.fixture
def api() -> APIClient:
    return client()


def client(**defaults: Any) -> APIClient:
    """A client that sends JSON and keeps cookies."""
    made = APIClient(**defaults)
    made.default_format = "json"
    return made


def signed_in(phone: str = "9991234567", **signup: Any) -> Person:
    api = client()
    asked = api.post("/api/auth/signup", {"phone": phone, **signup}).json()
    answer = api.post("/api/auth/login", {"code": asked["code"]}).json()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {answer['token']}")
    return Person(phone, api, answer["token"], answer["refresh"], answer["device_token"])


def registered(phone: str, **values: Any) -> Profile:
    """The profile of a verified person, made without the cost of signing in; `values` are columns of theirs."""
    with transaction.atomic():
        user = people.lock_or_create(f"+7{phone}").user
        User.objects.filter(pk=user.pk).update(**{"verified_at": Now(), **values})
    return Profile.objects.select_related("user").get(pk=user.pk)


@pytest.fixture
def alice(db: None) -> Person:
    return signed_in("9991110001")


@pytest.fixture
def bob(db: None) -> Person:
    return signed_in("9991110002")


@pytest.fixture
def charlie(db: None) -> Person:
    return signed_in("9991110003")


@pytest.fixture
def staff(db: None) -> Person:
    person = signed_in("9991119999")
    User.objects.filter(phone=f"+7{person.phone}").update(is_staff=True, is_superuser=True)
    return person
