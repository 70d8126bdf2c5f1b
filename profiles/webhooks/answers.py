"""What a receiver answered to a webhook.

These types are not in `posting`, because that loads httpx, which a web process does not need.
"""

from dataclasses import dataclass

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Failure(TextChoices):
    """Why there was no response."""

    ADDRESS = "address", _("the address is not allowed")
    CONNECTION = "connection", _("no connection")
    TIMEOUT = "timeout", _("no answer in time")
    PROTOCOL = "protocol", _("no valid answer")


@dataclass(frozen=True)
class Answer:
    """The status of the response, or why there was none."""

    status: int | None = None
    failure: Failure | None = None

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_gone(self) -> bool:
        """Whether the receiver wants no more events."""
        return self.status == 410

    @property
    def code(self) -> str:
        """The answer in one word, for `describe`. Empty for a success."""
        return "" if self.is_success else str(self.failure or f"HTTP {self.status}")


def describe(code: str) -> str:
    """What this `Answer.code` means, in the current language."""
    return str(Failure(code).label) if code in Failure.values else code
