"""A request and a response for each operation of the OpenAPI document. Bob has activated the code of Alice."""

from typing import Any

from rest_framework.fields import Field

from api.pagination import NOT_A_CURSOR

SITE = "https://invite.example.org"
CHALLENGE = "kX7RrmE0JpC1m0Zl9nq2Vw"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJ0eXAiOiJhY2Nlc3MifQ.c2lnbmF0dXJl"  # noqa: S105
REFRESH = "eyJhbGciOiJIUzI1NiJ9.eyJ0eXAiOiJyZWZyZXNoIn0.c2lnbmF0dXJl"
SIGNED_IN_AT = "2026-03-01T09:00:40Z"
NONCE = "3f1c0a92d7e64b58a1c3f0279bd816e2"
TOKENS = {"token": TOKEN, "refresh": REFRESH, "expires_in": 600}
PROFILE = {
    "user_id": 1,
    "phone": "9991234567",
    "invite_code": "K7M4QZ",
    "activated_invite": None,
    "activated_at": None,
    "invitations_count": 1,
}
OWN_PROFILE = {
    **PROFILE,
    "share_url": f"{SITE}/i/K7M4QZ",
    "receipt_nonce": None,
    "receipt": None,
    "invitations": ["9997654321"],
    "invitations_next": None,
}
PROBLEM_MEMBERS: dict[str, dict[str, Any]] = {
    "invalid_code": {"attempts_left": 2},
    "already_activated": {"activated_invite": "XW39HB"},
    "voting_closed": {"opens_at": "2026-03-01T09:00:00Z", "closes_at": "2026-03-31T21:00:00Z"},
    "too_many_requests": {"retry_after": 30},
    "unavailable": {"retry_after": 5},
}

REQUESTS: dict[str, dict[str, Any]] = {
    "signup": {"phone": "9991234567"},
    "login": {"code": "0427"},  # alone, so that it may be tried with the cookie that signing up has just set
    "refresh": {"refresh": REFRESH},
    "logout": {"refresh": REFRESH},
    "me_activate": {"activated_invite": "xw3-9hb"},
    "me_phone": {"phone": "9991112233"},
    "me_phone_confirm": {"code": "0427", "challenge_id": CHALLENGE},
}

SENT_CODE = {
    "challenge_id": CHALLENGE,
    "code_length": 4,
    "expires_in": 300,
    "sent": True,
    "sent_at": "2026-03-01T09:00:00Z",
    "resend_in": 30,
    "code": "0427",
}

ANSWERS: dict[str, Any] = {
    "signup": SENT_CODE,
    "login": {**TOKENS, "device_token": "qT3vP0aX5oYc8nLr1wUe7g", "created": True, "requested_by_others": False},
    "refresh": TOKENS,
    "devices_list": {
        "id": 5,
        "user_agent": "Example/1.0 (Android 15)",
        "signed_in_at": SIGNED_IN_AT,
        "refreshed_at": SIGNED_IN_AT,
        "ended_at": None,
        "trusted_until": "2026-08-28T09:00:40Z",
        "current": True,
    },
    "me_read": OWN_PROFILE,
    "me_activate": {
        **OWN_PROFILE,
        "activated_invite": "XW39HB",
        "activated_at": "2026-03-01T09:05:00Z",
        "receipt_nonce": NONCE,
    },
    "me_phone": SENT_CODE,
    "me_phone_confirm": {**OWN_PROFILE, "phone": "9991112233"},
    "me_invitations": {"phone": "9997654321", "activated_at": "2026-03-01T09:02:00Z"},
    "me_export": {
        "person": {"id": 1, "phone": "+79991234567", "verified_at": SIGNED_IN_AT},
        "profile": {"invite_code": "K7M4QZ", "invitations_count": 1},
        "activation": None,
        "invitations": [{"phone": "+79997654321", "activated_at": "2026-03-01T09:02:00Z"}],
        "devices": [{"id": 5, "user_agent": "Example/1.0 (Android 15)", "signed_in_at": SIGNED_IN_AT}],
    },
    "voting_read": {
        "opens_at": "2026-03-01T09:00:00Z",
        "closes_at": "2026-03-31T21:00:00Z",
        "open": True,
        "results_published_at": None,
        "results_sha256": None,
    },
    "results_list": {"place": 1, "invite_code": "XW39HB", "votes": 12},
    "results_file": "period,2026-03-01T09:00:00Z/2026-03-31T21:00:00Z\ninvite_code,receipt\n",
    "profiles_list": {**PROFILE, "created_at": SIGNED_IN_AT},
    "profiles_read": {**PROFILE, "created_at": SIGNED_IN_AT},
}


def problem_members(code: str, operation_id: str = "signup") -> dict[str, Any]:
    """What this problem of the operation has besides the members of every problem."""
    if code == "invalid":
        return {"errors": [_wrong_field(operation_id)]}
    return PROBLEM_MEMBERS.get(code, {})


def _wrong_field(operation_id: str) -> dict[str, Any]:
    """The first field of the body is missing, or the cursor of a list is wrong."""
    if operation_id in REQUESTS:
        field = next(iter(REQUESTS[operation_id]))
        return {"field": field, "code": "required", "detail": Field.default_error_messages["required"]}
    return {"field": "cursor", "code": "invalid", "detail": NOT_A_CURSOR}
