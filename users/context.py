"""What belongs to the request at hand: its id, and whether it counts."""

from contextvars import ContextVar

# The id of the request that is being answered, or of the one that asked for the SMS at hand.
request_id: ContextVar[str] = ContextVar("request_id", default="-")

# Requests with other methods are logged and measured under one name: gunicorn takes any word of capitals and digits.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

# Whether the user of the request is a test user, whom no metric counts.
is_of_test_user: ContextVar[bool] = ContextVar("is_of_test_user", default=False)
