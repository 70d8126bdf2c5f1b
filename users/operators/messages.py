"""Messages of the admin that wait for the next page: Django's, in the session, but not any number of them.

Each request reads and writes the whole session. A client that follows no redirect never sees its messages, and adds one
with each request, which may quote its address.
"""

from typing import Any

from django.contrib.messages.storage import session
from django.contrib.messages.storage.base import Message

# Of all that wait, together. An action on a page of a list adds a sentence for each row at most.
MOST_CHARACTERS = 20_000


class SessionStorage(session.SessionStorage):
    """Keeps the newest."""

    def _store(self, messages: list[Message], response: Any, *args: Any, **kwargs: Any) -> list[Message]:
        kept: list[Message] = []
        left = MOST_CHARACTERS
        for message in reversed(messages):
            left -= len(str(message.message))
            if left < 0:
                break
            kept.insert(0, message)
        stored: list[Message] = super()._store(kept, response, *args, **kwargs)  # type: ignore[misc]  # not in the stubs
        return stored
