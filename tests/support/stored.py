"""What is stored, read in ways that tests of statements compare."""

from datetime import datetime
from typing import Any

from django.db.models import Model

from tests.support.login_steps import at
from users import limit_queries
from users.models import Device


def fields(of: Model) -> dict[str, Any]:
    return {field.attname: getattr(of, field.attname) for field in of._meta.concrete_fields}


def history(user_id: int, now: datetime | None = None, device: Device | None = None) -> limit_queries.History:
    """What was sent to a user, and what counts against a track, with the limits of a small site."""
    device_id = device.pk if device else None
    return limit_queries.history([user_id], device_id, now or at(2), weight=3, site=497)
