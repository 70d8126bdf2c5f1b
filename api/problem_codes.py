"""The one table of problem codes: what the API answers, the OpenAPI document lists and `/problems` explains."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Problem:
    """`title` stays English and `detail` is for people; `meaning` and `remedy` are for those who write clients."""

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
        _("Something in the request is not as the API document asks. Nothing was done, and no attempt was charged."),
        _("Show each `detail` of `errors` beside its field; an empty `field` is the request as a whole."),
    ),
    "invalid_phone": Problem(
        400,
        "Invalid phone",
        _("This is not a mobile phone number."),
        _("No mobile number has these digits: they are too few or too many, or belong to a landline."),
        _("Let the person correct the number, and send it as typed: any usual spelling will do."),
    ),
    "region_not_allowed": Problem(
        400,
        "Region not allowed",
        _("Numbers of this country are not served."),
        _("The number is a mobile one, but of a country that this service does not let in."),
        _("Ask for another number. The same one will be refused again."),
    ),
    "invalid_code": Problem(
        400,
        "Invalid code",
        _("The code is wrong or no longer valid."),
        _("The sign-in code is wrong, expired, used or unknown: one answer for all, so that it gives nothing away."),
        _("While `attempts_left` is above zero, let the person type it again. Otherwise ask for a new code."),
    ),
    "not_authenticated": Problem(
        401,
        "Not authenticated",
        _("Sign in first."),
        _("The request has no `Authorization: Bearer …` header."),
        _("Send the `token` that signing in or refreshing gave. Without one, have the person sign in."),
    ),
    "token_invalid": Problem(
        401,
        "Invalid token",
        _("The token is not valid."),
        _("The token is not one of this service, or `refresh` stands where `token` belongs, or the reverse."),
        _("Forget it. Swap `refresh` for a new pair; if that is what was refused, have the person sign in."),
    ),
    "token_expired": Problem(
        401,
        "Expired token",
        _("The token has expired."),
        _("`token` lasts ten minutes. `refresh` lasts thirty days without use, and ninety in all."),
        _("Swap `refresh` for a new pair and repeat the request. If `refresh` has expired, have the person sign in."),
    ),
    "token_revoked": Problem(
        401,
        "Revoked token",
        _("The session has ended. Sign in again."),
        _("The person signed out, the device was ended, the account disabled or erased, or a `refresh` used twice."),
        _("Forget both tokens and have the person sign in. Repeating the request does not help."),
    ),
    "permission_denied": Problem(
        403,
        "Permission denied",
        _("You may not do this."),
        _("The token is good, but this is for the staff of the service."),
        _("Do not offer it to this person. Neither repeating nor signing in again helps."),
    ),
    "account_disabled": Problem(
        403,
        "Account disabled",
        _("This account is disabled."),
        _("An operator has disabled the account. Only a right code is answered so."),
        _("Tell the person to turn to whoever runs the service. No other code will help."),
    ),
    "fresh_sign_in_required": Problem(
        403,
        "Fresh sign-in required",
        _("Sign in again by code to do this: it cannot be undone."),
        _("Erasing oneself needs a sign-in by code on this device at most ten minutes ago. Refreshing is none."),
        _("Have the person sign in by code, then repeat the request with the new `token`."),
    ),
    "not_found": Problem(
        404,
        "Not found",
        _("There is nothing here."),
        _("No such path exists, or what it names is gone or not this person's."),
        _("Check the path. If it came from a list, load the list again."),
    ),
    "invite_code_not_found": Problem(
        404,
        "Invite code not found",
        _("Nobody has this invite code."),
        _("The code is well formed, but nobody has it. The try counts: ten an hour and thirty a day are allowed."),
        _("Ask the person to check each letter, or for the share link. Never try codes without them."),
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
        _("The code is the person's own, and nobody can vote for themselves. The vote is not spent."),
        _("Say so, and ask for the code of somebody else."),
    ),
    "already_activated": Problem(
        409,
        "Already activated",
        _("You have already activated an invite code."),
        _("The person's one vote is given: perhaps on another device, or by a request whose answer was lost."),
        _("Show `activated_invite` as their choice. If it is the code that you have just sent, all is well."),
    ),
    "payload_too_large": Problem(
        413,
        "Payload too large",
        _("The request is too large."),
        _("The body is larger than 64 KB or does not tell its size. It was not read."),
        _("Send less, with a `Content-Length`. No request of this API needs as much."),
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
        _("Wait for `retry_after` seconds, tell the person how long that is, and do not try before."),
    ),
    "internal_error": Problem(
        500,
        "Internal error",
        _("Something went wrong on our side."),
        _("A defect of the service. It is in the log, together with `request_id`."),
        _("Keep what was typed and let the person try again. If it lasts, send `request_id` to the operators."),
    ),
    "unavailable": Problem(
        503,
        "Unavailable",
        _("The service is unavailable for a moment. Try again."),
        _("The database is away or overloaded for a moment. As a rule nothing was done."),
        _("Keep what was typed, and repeat the request after `retry_after` seconds, then with growing gaps."),
    ),
}
