"""What the baselines share: most settings, and parts of the answer."""

import base64
import json
import os
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpResponse

TOKEN_KEY = bytes.fromhex(os.environ.get("BASELINE_TOKEN_KEY", ""))
SITE_URL = os.environ.get("SITE_URL", "")

ISSUER = "inviting_app"
AUDIENCE = "inviting_app:api"


def configure(root_urlconf: str, options: dict[str, Any], apps: list[str], **more: Any) -> None:
    """Django's settings, with these options of the database. PGHOST and PGUSER say where it is."""
    database = {"ENGINE": "django.db.backends.postgresql", "NAME": os.environ["PGDATABASE"], "CONN_MAX_AGE": None}
    settings.configure(
        SECRET_KEY="signs nothing here",  # noqa: S106
        ALLOWED_HOSTS=["localhost", "127.0.0.1"],
        ROOT_URLCONF=root_urlconf,
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.admin.apps.SimpleAdminConfig",
            *apps,
            "users",
            "profiles",
        ],
        AUTH_USER_MODEL="users.User",
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        TIME_ZONE="UTC",
        LOGGING_CONFIG=None,
        SMS_TEST_NUMBERS={},
        DATABASES={"default": database | {"OPTIONS": options}},
        **more,
    )


def ten_digits(phone: str) -> str:
    return phone.removeprefix("+7")


def share_url(invite_code: str) -> str:
    return f"{SITE_URL}/i/{invite_code}"


def older_invitations(url: str, at: datetime, invitee_id: int) -> str:
    """The URL of the page after this invitation. `url` is that of the first page."""
    cursor = json.dumps(["-created_at", False, at.isoformat(), str(invitee_id)])
    return f"{url}?cursor={base64.urlsafe_b64encode(cursor.encode()).decode().rstrip('=')}"


def answer(content: dict[str, Any], status: int = 200) -> HttpResponse:
    body = json.dumps(content).encode()
    return HttpResponse(body, "application/json", status, headers={"Content-Length": str(len(body))})


def utc(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")
