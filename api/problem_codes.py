"""The one table of problem codes: the API answers them, the OpenAPI document lists them, `/problems` explains them.

The explanation of a code is its template in `problems/codes`.
"""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop as N_


@dataclass(frozen=True)
class Problem:
    """`title` stays English in the API, and is translated on the pages. `detail` is shown to users."""

    status: int
    title: str
    detail: str | Promise


PROBLEMS = {
    "invalid": Problem(400, N_("Invalid request"), _("The request is not valid.")),
    "invalid_phone": Problem(400, N_("Invalid phone"), _("This is not a mobile phone number.")),
    "region_not_allowed": Problem(400, N_("Region not allowed"), _("Numbers of this country are not served.")),
    "invalid_code": Problem(400, N_("Invalid code"), _("The code is wrong or no longer valid.")),
    "not_authenticated": Problem(401, N_("Not authenticated"), _("Sign in first.")),
    "token_invalid": Problem(401, N_("Invalid token"), _("The token is not valid.")),
    "token_expired": Problem(401, N_("Expired token"), _("The token has expired.")),
    "token_revoked": Problem(401, N_("Revoked token"), _("The session has ended. Sign in again.")),
    "permission_denied": Problem(403, N_("Permission denied"), _("You may not do this.")),
    "account_disabled": Problem(403, N_("Account disabled"), _("This account is disabled.")),
    "fresh_sign_in_required": Problem(
        403, N_("Fresh sign-in required"), _("To do this, sign in again with an SMS code.")
    ),
    "staff_phone": Problem(403, N_("Phone of staff"), _("The number of this account cannot be changed here.")),
    "foreign_origin": Problem(
        403,
        N_("Foreign origin"),
        _("Pages of other origins cannot sign anybody in here, unless the operator adds them to CORS_ORIGINS."),
    ),
    "not_found": Problem(404, N_("Not found"), _("There is nothing here.")),
    "invite_code_not_found": Problem(404, N_("Invite code not found"), _("Nobody has this invite code.")),
    "method_not_allowed": Problem(405, N_("Method not allowed"), _("This method is not allowed here.")),
    "own_invite_code": Problem(409, N_("Own invite code"), _("You cannot activate your own invite code.")),
    "already_activated": Problem(409, N_("Already activated"), _("You have already activated an invite code.")),
    "voting_closed": Problem(409, N_("Voting closed"), _("Voting is not open at this time.")),
    "phone_taken": Problem(409, N_("Phone taken"), _("Another account has this number.")),
    "payload_too_large": Problem(413, N_("Payload too large"), _("The request is too large.")),
    "unsupported_media_type": Problem(
        415, N_("Unsupported media type"), _("Send JSON with Content-Type: application/json, or a form.")
    ),
    "too_many_requests": Problem(429, N_("Too many requests"), _("Too many requests. Try again later.")),
    "internal_error": Problem(500, N_("Internal error"), _("Something went wrong on our side.")),
    "unavailable": Problem(503, N_("Unavailable"), _("The service is unavailable for a moment. Try again.")),
}
