"""The bodies of requests and responses. Made from the OpenAPI document by `make clients`. Do not edit."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict


class ActivateRequest(TypedDict):
    activated_invite: str
    """Another user's invite code, in any case"""


class ConfirmRequest(TypedDict):
    challenge_id: str
    """From the response to the request for the code"""
    code: str
    """The digits of the SMS, as a string; spaces and dashes are dropped"""


class DeviceAnswer(TypedDict):
    current: bool
    """Whether this request comes from it"""
    ended_at: str | None
    """When its session ended; null while it is live"""
    id: int
    refreshed_at: str
    signed_in_at: str
    trusted_until: str | None
    """Until when the device is known"""
    user_agent: str


class ErrorAnswer(TypedDict):
    code: str
    detail: str
    field: str
    """Empty for the body as a whole"""


class InvitationAnswer(TypedDict):
    activated_at: str
    phone: str


class InvitationPage(TypedDict):
    next: str | None
    """The page after this one; null on the last"""
    next_cursor: str | None
    """The `cursor` of `next`; null on the last page"""
    previous: str | None
    """The page before this one; null on the first"""
    previous_cursor: str | None
    """The `cursor` of `previous`; null on the first page"""
    results: list[InvitationAnswer]


class LoginAnswer(TypedDict):
    created: bool
    """Whether this was the phone's first correct code"""
    device_token: str
    """Keep it and send it at the next sign-up, so that the device is known"""
    expires_in: int
    """Seconds the token stays valid"""
    refresh: str
    """Exchange it for a new pair. Store that before you use it"""
    requested_by_others: bool
    """Whether a client at another network address requested the same code. Tell the user: a stranger may ask them
    to read the code out
    """
    token: str
    """Send it as `Authorization: Bearer …`"""


class LoginRequest(TypedDict):
    challenge_id: NotRequired[str | None]
    code: str
    """The digits of the SMS, as a string; spaces and dashes are dropped"""
    phone: NotRequired[str | None]
    """Needed without `challenge_id` and cookie"""


class OwnProfileAnswer(TypedDict):
    """`activated_invite` is the only field that can be set, once."""

    activated_at: str | None
    activated_invite: str | None
    """Null until one is activated"""
    invitations: list[str]
    """Phones of the newest 50 users who activated your code; without disabled users"""
    invitations_count: int
    """Number of users who activated this code, disabled ones too"""
    invitations_next: str | None
    """Where the older ones are"""
    invite_code: str
    phone: str
    receipt: str | None
    """Of your vote; null until results are published"""
    receipt_nonce: str | None
    """Of your vote: with it you can find its receipt"""
    share_url: str
    """A link to your invite code"""
    user_id: int


class PhoneChangeRequest(TypedDict):
    challenge_id: NotRequired[str | None]
    """From an earlier response for the same number"""
    phone: str
    """The new number, in any usual spelling"""


class ProblemAnswer(TypedDict):
    """RFC 9457. `code` is stable and for programs, `detail` is for people and translated.

    The address in `type` is that of a page on the code; `/problems` lists them all.
    """

    activated_invite: NotRequired[str]
    """The invite code that was activated before"""
    attempts_left: NotRequired[int]
    """Guesses that the challenge still has"""
    closes_at: NotRequired[str | None]
    """When it closes; null: no limit"""
    code: ProblemCode
    detail: str
    errors: NotRequired[list[ErrorAnswer]]
    """What is wrong, field by field"""
    opens_at: NotRequired[str | None]
    """When voting opens; null: no limit"""
    request_id: str
    """Equal to the X-Request-ID header"""
    retry_after: NotRequired[int]
    """Seconds, equal to the Retry-After header"""
    status: int
    title: str
    type: str


ProblemCode = Literal[
    "invalid",
    "invalid_phone",
    "region_not_allowed",
    "invalid_code",
    "not_authenticated",
    "token_invalid",
    "token_expired",
    "token_revoked",
    "permission_denied",
    "account_disabled",
    "fresh_sign_in_required",
    "staff_phone",
    "foreign_origin",
    "not_found",
    "invite_code_not_found",
    "method_not_allowed",
    "own_invite_code",
    "already_activated",
    "voting_closed",
    "phone_taken",
    "payload_too_large",
    "unsupported_media_type",
    "too_many_requests",
    "internal_error",
    "unavailable",
]
"""* `invalid` - Invalid request
* `invalid_phone` - Invalid phone
* `region_not_allowed` - Region not allowed
* `invalid_code` - Invalid code
* `not_authenticated` - Not authenticated
* `token_invalid` - Invalid token
* `token_expired` - Expired token
* `token_revoked` - Revoked token
* `permission_denied` - Permission denied
* `account_disabled` - Account disabled
* `fresh_sign_in_required` - Fresh sign-in required
* `staff_phone` - Phone of staff
* `foreign_origin` - Foreign origin
* `not_found` - Not found
* `invite_code_not_found` - Invite code not found
* `method_not_allowed` - Method not allowed
* `own_invite_code` - Own invite code
* `already_activated` - Already activated
* `voting_closed` - Voting closed
* `phone_taken` - Phone taken
* `payload_too_large` - Payload too large
* `unsupported_media_type` - Unsupported media type
* `too_many_requests` - Too many requests
* `internal_error` - Internal error
* `unavailable` - Unavailable
"""


class ProfileAnswer(TypedDict):
    activated_at: str | None
    activated_invite: str | None
    """Null until one is activated"""
    created_at: str
    invitations_count: int
    """Number of users who activated this code, disabled ones too"""
    invite_code: str
    phone: str
    user_id: int


class ProfilePage(TypedDict):
    next: str | None
    """The page after this one; null on the last"""
    next_cursor: str | None
    """The `cursor` of `next`; null on the last page"""
    previous: str | None
    """The page before this one; null on the first"""
    previous_cursor: str | None
    """The `cursor` of `previous`; null on the first page"""
    results: list[ProfileAnswer]


class RefreshRequest(TypedDict):
    refresh: str


class ResultAnswer(TypedDict):
    invite_code: str
    place: int
    """Equal numbers of votes share a place"""
    votes: int


class ResultPage(TypedDict):
    next: str | None
    """The page after this one; null on the last"""
    next_cursor: str | None
    """The `cursor` of `next`; null on the last page"""
    previous: str | None
    """The page before this one; null on the first"""
    previous_cursor: str | None
    """The `cursor` of `previous`; null on the first page"""
    results: list[ResultAnswer]


class SignupAnswer(TypedDict):
    challenge_id: str
    """Send it back with the code, unless you keep cookies"""
    code: NotRequired[str]
    """The code itself; in demo mode only"""
    code_length: int
    """Digits of the code: 4 or 10"""
    expires_in: int
    """Seconds the code stays valid"""
    resend_in: int
    """Seconds until a repeated request resends the code"""
    sent: bool
    """False if the SMS already on its way is sufficient"""
    sent_at: str
    """When the newest SMS was queued"""


class SignupRequest(TypedDict):
    challenge_id: NotRequired[str | None]
    """From an earlier response. Default: the cookie"""
    device_token: NotRequired[str | None]
    """From an earlier sign-in on this device. Default: the cookie"""
    phone: str
    """A mobile number in any usual spelling: `9991234567`, `+7 999 123-45-67`, `8 (999) …`"""


class TokenAnswer(TypedDict):
    expires_in: int
    """Seconds the token stays valid"""
    refresh: str
    """Exchange it for a new pair. Store that before you use it"""
    token: str
    """Send it as `Authorization: Bearer …`"""


class VotingAnswer(TypedDict):
    closes_at: str | None
    """Votes count before this time; null: no limit"""
    open: bool
    """Whether a vote would count now"""
    opens_at: str | None
    """Votes count from this time on; null: no limit"""
    results_published_at: str | None
    """Null until there are results"""
    results_sha256: str | None
    """Of the file of the results, in hexadecimal; null until there are results"""
