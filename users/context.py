"""The context of a request that log lines and records share: its id, and secrets masked."""

import re
from contextvars import ContextVar

# The id of the request that is being answered, or of the one that queued the job that is being done.
request_id: ContextVar[str] = ContextVar("request_id", default="-")

_PHONE = re.compile(r"\+?(?<!\d)\d{6,11}(\d{4})(?!\d)")

# The token of a URL for delivery receipts, and what looks like one in a path that was mistyped.
_RECEIPT_TOKEN = re.compile(r"(receipts?[\w-]*/+)[^?#\s\"]+|(?<=/)[\w-]{22}(?![\w-])", re.IGNORECASE)


def mask_tokens(text: str) -> str:
    """Hide the tokens in URLs for delivery receipts."""
    return _RECEIPT_TOKEN.sub(lambda found: f"{found[1] or ''}***", text)


def mask_phones(text: str) -> str:
    """Keep only the last four of any 10 to 15 digits in a row."""
    return _PHONE.sub(r"***\1", text)
