"""Stores events for the endpoints that want them, in the transactions of what they tell about."""

from collections.abc import Mapping
from typing import Any

from profiles.webhooks import queries
from profiles.webhooks.models import Kind


def store(kind: str, data: Mapping[str, Any], user_id: int | None) -> None:
    """The setting EVENTS_STORE names this function for `users.events.emit`. Raises ValueError for an unknown kind."""
    queries.store(Kind(kind), user_id, data)
