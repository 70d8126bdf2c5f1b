"""What happens, for other systems. The package that stores it is above this one, so a setting names its function."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string


def emit(kind: str, data: Mapping[str, Any], *, user_id: int | None = None) -> None:
    """Tell that an event of this kind, such as `user.verified`, happened to the user with this id, or to none.

    Call it inside the transaction that makes the event true: what is stored of it commits or rolls back with that. The
    data leave the service, so they have ids and counts only: never a phone, a code or a token. Raises ValueError for an
    unknown kind.
    """
    _store()(kind, data, user_id)


@cache
def _store() -> Any:
    return import_string(settings.EVENTS_STORE)
