"""What log lines and records share: the id of the request."""

from contextvars import ContextVar

# The id of the request that is being answered, or of the one that asked for the SMS at hand.
request_id: ContextVar[str] = ContextVar("request_id", default="-")
