"""The one table of problem codes: the API answers them, the OpenAPI document lists them, `/problems` explains them."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Problem:
    """`title` stays English. `detail` is shown to users. `meaning` and `remedy` are for client developers."""

    status: int
    title: str
    detail: str | Promise
    meaning: str | Promise
    remedy: str | Promise


PROBLEMS = {
    "invalid": Problem(
        400,
        "Invalid request",
        _("The request is not valid."),
        _("The request does not match the API document. Nothing was changed, and no attempt was consumed."),
        _("Show each `detail` of `errors` beside its field; an empty `field` is the request as a whole."),
    ),
    "invalid_phone": Problem(
        400,
        "Invalid phone",
        _("This is not a mobile phone number."),
        _("No mobile number has these digits: there are too few or too many, or they belong to a landline."),
        _("Let the user correct the number. Send it as typed: each usual spelling is accepted."),
    ),
    "region_not_allowed": Problem(
        400,
        "Region not allowed",
        _("Numbers of this country are not served."),
        _("The number is a mobile one, but of a country that this service does not let in."),
        _("Ask for another number. The same number would be refused again."),
    ),
    "invalid_code": Problem(
        400,
        "Invalid code",
        _("The code is wrong or no longer valid."),
        _("The sign-in code is wrong, expired, used or unknown: one answer for all, so that it gives nothing away."),
        _("While `attempts_left` is above zero, let the user type the code again. Otherwise request a new code."),
    ),
    "not_authenticated": Problem(
        401,
        "Not authenticated",
        _("Sign in first."),
        _("The request has no `Authorization: Bearer …` header."),
        _("Send the `token` of the last sign-in or refresh. If there is none, let the user sign in."),
    ),
    "token_invalid": Problem(
        401,
        "Invalid token",
        _("The token is not valid."),
        _("The token is not one of this service, or `refresh` stands where `token` belongs, or the reverse."),
        _("Delete the token. Exchange `refresh` for a new pair. If `refresh` was refused, let the user sign in."),
    ),
    "token_expired": Problem(
        401,
        "Expired token",
        _("The token has expired."),
        _("`token` lasts ten minutes. `refresh` lasts thirty days without use, and ninety in all."),
        _("Exchange `refresh` for a new pair and repeat the request. If `refresh` has expired, let the user sign in."),
    ),
    "token_revoked": Problem(
        401,
        "Revoked token",
        _("The session has ended. Sign in again."),
        _("The user signed out, the device was revoked, the account was disabled or erased, or `refresh` was reused."),
        _("Delete both tokens and let the user sign in. Repeating the request does not help."),
    ),
    "permission_denied": Problem(
        403,
        "Permission denied",
        _("You may not do this."),
        _("The token is good, but this is for the staff of the service."),
        _("Do not offer this to the user. Neither repeating the request nor signing in again helps."),
    ),
    "account_disabled": Problem(
        403,
        "Account disabled",
        _("This account is disabled."),
        _("An operator has disabled the account. The service says so only after a correct code."),
        _("Tell the user to contact the operator of the service. Another code does not help."),
    ),
    "fresh_sign_in_required": Problem(
        403,
        "Fresh sign-in required",
        _("Sign in again by code to do this: it cannot be undone."),
        _("Erasing oneself needs a sign-in by code on this device at most ten minutes ago. Refreshing is none."),
        _("Let the user sign in by code, then repeat the request with the new `token`."),
    ),
    "not_found": Problem(
        404,
        "Not found",
        _("There is nothing here."),
        _("The path does not exist, or the object was deleted or belongs to another user."),
        _("Check the path. If it came from a list, load the list again."),
    ),
    "invite_code_not_found": Problem(
        404,
        "Invite code not found",
        _("Nobody has this invite code."),
        _("The code has the right form, but no user has it. The attempt counts: 10 an hour and 30 a day are allowed."),
        _("Ask the user to check each letter, or to use the share link. Never try codes that no user has typed."),
    ),
    "method_not_allowed": Problem(
        405,
        "Method not allowed",
        _("This method is not allowed here."),
        _("The path exists, but does not take this method."),
        _("Use one of those in the `Allow` header."),
    ),
    "own_invite_code": Problem(
        409,
        "Own invite code",
        _("You cannot activate your own invite code."),
        _("The code is the user's own code, and users cannot vote for themselves. The vote is not used."),
        _("Tell the user, and ask for the code of another user."),
    ),
    "already_activated": Problem(
        409,
        "Already activated",
        _("You have already activated an invite code."),
        _("The user has used their one vote, perhaps on another device, or in a request whose response was lost."),
        _("Show `activated_invite` as their choice. If it is the code that you have just sent, all is well."),
    ),
    "payload_too_large": Problem(
        413,
        "Payload too large",
        _("The request is too large."),
        _("The body is larger than 64 KB."),
        _("Send less. No request of this API needs as much."),
    ),
    "unsupported_media_type": Problem(
        415,
        "Unsupported media type",
        _("Send JSON or a form."),
        _("The `Content-Type` is neither that of JSON nor that of a form."),
        _("Send JSON with `Content-Type: application/json`."),
    ),
    "too_many_requests": Problem(
        429,
        "Too many requests",
        _("Too many requests. Try again later."),
        _("A limit is reached: of SMS to this number or from this address, or of wrong invite codes."),
        _("Wait `retry_after` seconds, tell the user how long that is, and do not retry earlier."),
    ),
    "internal_error": Problem(
        500,
        "Internal error",
        _("Something went wrong on our side."),
        _("A defect of the service. It is in the log, together with `request_id`."),
        _("Keep what was typed and let the user try again. If the error stays, send `request_id` to the operators."),
    ),
    "unavailable": Problem(
        503,
        "Unavailable",
        _("The service is unavailable for a moment. Try again."),
        _("The database does not answer or is overloaded. As a rule, nothing was changed."),
        _("Keep what was typed. Repeat the request after `retry_after` seconds, then after growing intervals."),
    ),
}
