"""What log lines and records share: the id of the request."""

from contextvars import ContextVar

# The id of the request that is being answered, or of the one that queued the job that is being done.
request_id: ContextVar[str] = ContextVar("request_id", default="-")
