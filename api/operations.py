"""The descriptions of the operations in the OpenAPI document, each a decorator of a method."""

from __future__ import annotations

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
    summary="Ask for a sign-in code",
    description="The first step for everybody, new or not. Ask again and it is sent again when it is time. "
    "A browser that keeps cookies need not send `device_token` and `challenge_id`.",
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
    description="The code alone does for a client that keeps cookies; else send `challenge_id`, or `phone`. "
    "`device_token` comes as an HttpOnly cookie too, so a browser keeps it by itself: the newest phone's.",
    tags=["auth"],
)

refresh = operation(
    "refresh",
    serializers.TokenAnswer,
    *SIGNED_IN[1:],
    request=serializers.RefreshRequest,
    summary="Swap a refresh token for the next pair",
    description="Good once. A lost answer may be asked for again within 10 seconds; any later reuse is taken for "
    "theft and ends the session and the device's trust.",
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
    summary="Activate somebody's invite code",
    description="Once, for ever: it cannot be changed. **The code's owner will see your phone number**: tell the "
    "person so before they confirm. Ten wrong codes an hour and thirty a day may be tried.",
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
    description="Phone, devices and your vote are gone for good; votes for you are kept without your name. "
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
    description="A file to keep: person, profile, vote, phones of all who activated your code, devices, sign-in "
    "codes (never their digits), who asked for them, SMS, wrong invite codes, what operators did. "
    "Times are UTC, phones E.164. It may be long, and is sent while it is read.",
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
    description="For staff. Unverified, disabled and erased people are not listed. Whole phones are for those "
    "who may see them (`users.view_phone`), and each such answer is logged; others get `+7***4567`.",
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
    description="For staff. Unverified, disabled and erased people are not found. Phones are as in the list.",
    tags=["staff"],
)
