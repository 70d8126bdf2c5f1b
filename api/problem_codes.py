"""The one table of problem codes: the API answers them, the OpenAPI document lists them, `/problems` explains them.

The explanation of a code is its template in `problems/codes`.
"""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Problem:
    """`title` stays English. `detail` is shown to users."""

    status: int
    title: str
    detail: str | Promise


PROBLEMS = {
    "invalid": Problem(400, "Invalid request", _("The request is not valid.")),
    "invalid_phone": Problem(400, "Invalid phone", _("This is not a mobile phone number.")),
    "region_not_allowed": Problem(400, "Region not allowed", _("Numbers of this country are not served.")),
    "invalid_code": Problem(400, "Invalid code", _("The code is wrong or no longer valid.")),
    "not_authenticated": Problem(401, "Not authenticated", _("Sign in first.")),
    "token_invalid": Problem(401, "Invalid token", _("The token is not valid.")),
    "token_expired": Problem(401, "Expired token", _("The token has expired.")),
    "token_revoked": Problem(401, "Revoked token", _("The session has ended. Sign in again.")),
    "permission_denied": Problem(403, "Permission denied", _("You may not do this.")),
    "account_disabled": Problem(403, "Account disabled", _("This account is disabled.")),
    "fresh_sign_in_required": Problem(
        403, "Fresh sign-in required", _("Sign in again by code to do this: it cannot be undone.")
    ),
    "staff_phone": Problem(403, "Phone of staff", _("The number of this account cannot be changed here.")),
    "foreign_origin": Problem(
        403,
        "Foreign origin",
        _("Pages of other origins cannot sign anybody in here, unless the operator adds them to CORS_ORIGINS."),
    ),
    "not_found": Problem(404, "Not found", _("There is nothing here.")),
    "invite_code_not_found": Problem(404, "Invite code not found", _("Nobody has this invite code.")),
    "method_not_allowed": Problem(405, "Method not allowed", _("This method is not allowed here.")),
    "own_invite_code": Problem(409, "Own invite code", _("You cannot activate your own invite code.")),
    "already_activated": Problem(409, "Already activated", _("You have already activated an invite code.")),
    "voting_closed": Problem(409, "Voting closed", _("Voting is not open at this time.")),
    "phone_taken": Problem(409, "Phone taken", _("Another account has this number.")),
    "payload_too_large": Problem(413, "Payload too large", _("The request is too large.")),
    "unsupported_media_type": Problem(
        415, "Unsupported media type", _("Send JSON with Content-Type: application/json, or a form.")
    ),
    "too_many_requests": Problem(429, "Too many requests", _("Too many requests. Try again later.")),
    "internal_error": Problem(500, "Internal error", _("Something went wrong on our side.")),
    "unavailable": Problem(503, "Unavailable", _("The service is unavailable for a moment. Try again.")),
}
