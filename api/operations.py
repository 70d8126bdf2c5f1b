"""The descriptions of the operations in the OpenAPI document, each a decorator of a method."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

from api import serializers
from api.openapi import SIGNED_IN, operation

# The generator would name the scheme of each authentication class separately.
TOKEN: list[dict[str, list[str]]] = [{"token": []}]

CURSOR = OpenApiParameter(
    "cursor",
    {"type": "string", "format": "cursor", "minLength": 1},
    description="From `next` or `previous` of another page",
)

signup = operation(
    "signup",
    serializers.SignupAnswer,
    "invalid_phone",
    "region_not_allowed",
    "too_many_requests",
    request=serializers.SignupRequest,
    summary="Request a sign-in code",
    description="The first step of each sign-in, for new and for known users. A repeated request resends the code "
    "when the resend interval has passed. A browser that keeps cookies need not send the other fields.",
    tags=["auth"],
)

login = operation(
    "login",
    serializers.LoginAnswer,
    "invalid_phone",
    "region_not_allowed",
    "invalid_code",
    "account_disabled",
    request=serializers.LoginRequest,
    summary="Sign in with the code",
    description="A client that keeps cookies can send only the code. Other clients send `challenge_id` or `phone` too. "
    "The response also sets `device_token` as an HttpOnly cookie, so a browser keeps that of the last phone.",
    tags=["auth"],
)

refresh = operation(
    "refresh",
    serializers.TokenAnswer,
    *SIGNED_IN[1:],
    request=serializers.RefreshRequest,
    summary="Exchange a refresh token for a new pair",
    description="A refresh token works once. Within 10 seconds it gets the same pair again, in case a response was "
    "lost. A later reuse counts as theft and ends the session and the device's trust.",
    tags=["auth"],
)

logout = operation(
    "logout",
    None,
    "token_invalid",
    "token_expired",
    status=204,
    request=serializers.RefreshRequest,
    summary="End the session",
    description="The device stays known (token and cookie), so the next sign-in from it meets no stranger's codes.",
    tags=["auth"],
)

devices_list = operation(
    "devices_list",
    serializers.DeviceAnswer(many=True),
    *SIGNED_IN,
    summary="Your devices",
    description="Where you have signed in, the newest first; those without session and trust are left out.",
    tags=["devices"],
)

devices_end = operation(
    "devices_end",
    None,
    *SIGNED_IN,
    "not_found",
    status=204,
    summary="End one of your devices",
    description="Session and trust: its tokens are refused at once, and signing in there is as on a new device.",
    tags=["devices"],
)

devices_end_all = operation(
    "devices_end_all",
    None,
    *SIGNED_IN,
    status=204,
    summary="End all your devices",
    description="Session and trust, this device's too.",
    tags=["devices"],
)

me_read = operation(
    "me_read",
    serializers.OwnProfileAnswer,
    *SIGNED_IN,
    summary="Your profile",
    description="Your invite code, the one you activated (null until then), and who activated yours.",
    tags=["profiles"],
    auth=TOKEN,
)

me_activate = operation(
    "me_activate",
    serializers.OwnProfileAnswer,
    *SIGNED_IN,
    "invite_code_not_found",
    "own_invite_code",
    "already_activated",
    "too_many_requests",
    request=serializers.ActivateRequest,
    summary="Activate another user's invite code",
    description="A user can do this once and cannot change it. **The code's owner will see the user's phone "
    "number**: say so before the user confirms. Ten wrong codes an hour and thirty a day are allowed.",
    tags=["profiles"],
    auth=TOKEN,
)

me_erase = operation(
    "me_erase",
    None,
    *SIGNED_IN,
    "fresh_sign_in_required",
    status=204,
    summary="Erase yourself",
    description="Deletes phone, devices and your vote for good. Votes for you stay, without your phone. "
    "Needs a device that signed in by code at most 10 minutes ago.",
    tags=["profiles"],
    auth=TOKEN,
)

me_invitations = operation(
    "me_invitations",
    serializers.InvitationAnswer(many=True),
    *SIGNED_IN,
    "invalid",
    summary="Who activated your code",
    description="The newest first, 50 to a page; follow `next` until it is null.",
    parameters=[CURSOR],
    tags=["profiles"],
)

me_export = operation(
    "me_export",
    OpenApiTypes.OBJECT,
    *SIGNED_IN,
    summary="Everything held on you",
    description="User, profile, vote, phones of all users who activated your code, devices, sign-in codes (never "
    "their digits), the requests for them, SMS, wrong invite codes, and what operators did. "
    "Times are in UTC, phones in E.164. The response may be long and is streamed.",
    tags=["profiles"],
)

profiles_list = operation(
    "profiles_list",
    serializers.ProfileAnswer(many=True),
    *SIGNED_IN,
    "permission_denied",
    "invalid",
    "invalid_phone",
    "region_not_allowed",
    summary="All profiles",
    description="For staff. Unverified, disabled and erased users are not listed. Staff with the permission "
    "`users.view_phone` get full phones, and each such response is logged. Others get `+7***4567`.",
    parameters=[serializers.ProfileQuery, CURSOR],
    tags=["staff"],
)

profiles_read = operation(
    "profiles_read",
    serializers.ProfileAnswer,
    *SIGNED_IN,
    "permission_denied",
    "not_found",
    summary="One profile",
    description="For staff. Unverified, disabled and erased users are not found. Phones are as in the list.",
    tags=["staff"],
)
