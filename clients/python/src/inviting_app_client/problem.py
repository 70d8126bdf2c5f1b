"""The one exception of the client."""

from typing import Any

# The code of a request without a response, or with a response that is not of the service.
UNAVAILABLE = "unavailable"


class Problem(Exception):
    """A refusal (RFC 9457), or no response.

    `code` is one of `types.ProblemCode`, or a newer one. If there was no response, or none of the service, `status` is
    0 and `code` is "unavailable". `detail` is for the user. `retry_after` is in seconds. `members` has everything that
    the service said, as in `types.ProblemAnswer`.
    """

    def __init__(self, status: int, members: dict[str, Any]) -> None:
        self.status = status
        self.members = members
        self.code: str = members["code"]
        self.detail: str = members.get("detail", "")
        self.retry_after: int | None = members.get("retry_after")
        self.request_id: str | None = members.get("request_id")
        super().__init__(self.detail or self.code)
