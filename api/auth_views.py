"""Views of signing in and out, and of devices. A view makes one domain call and translates its answer."""

from __future__ import annotations

import re

from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from api import exceptions, serializers
from api.base import APIView
from api.openapi import SIGNED_IN, operation
from api.serializers import read
from profiles import signup
from users import accounts, client, phones
from users.login import devices, signin, tokens

CHALLENGE_COOKIE = "challenge"
DEVICE_COOKIE = "device"
COOKIE_PATH = "/api/auth"


class OpenView(APIView):
    """For those who have no token: a stale or foreign Authorization header changes nothing."""

    authentication_classes = ()
    permission_classes = ()


class SignupView(OpenView):
    @operation(
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
    def post(self, request: Request) -> Response:
        given = read(serializers.SignupRequest, request.data)
        asked = signup.sign_up(
            phones.normalise(given["phone"]),
            address=client.address(request),
            language=get_language() or settings.LANGUAGE_CODE,
            device_token=given["device_token"] or _remembered(request, DEVICE_COOKIE),
            challenge_id=given["challenge_id"] or _remembered(request, CHALLENGE_COOKIE),
        )
        answer = {name: value for name, value in vars(asked).items() if value is not None}
        response = Response(answer)
        _remember(request, response, CHALLENGE_COOKIE, asked.challenge_id, asked.expires_in)
        return response


class LoginView(OpenView):
    @operation(
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
    def post(self, request: Request) -> Response:
        given = read(serializers.LoginRequest, request.data)
        try:
            signed_in = signin.sign_in(
                given["code"],
                challenge_id=given["challenge_id"],
                remembered_challenge_id=_remembered(request, CHALLENGE_COOKIE),
                phone=phones.normalise(given["phone"]) if given["phone"] else "",
                address=client.address(request),
                user_agent=client.user_agent(request),
            )
        except signin.MalformedCode as error:
            raise exceptions.field_error("code", "invalid", _malformed(error.length)) from error
        answer = {**vars(signed_in.tokens), "device_token": signed_in.device_token, "created": signed_in.created}
        response = Response(answer)
        response.delete_cookie(CHALLENGE_COOKIE, path=COOKIE_PATH, samesite="Strict")
        _remember(request, response, DEVICE_COOKIE, signed_in.device_token, devices.TRUST_FOR.total_seconds())
        return response


def _remember(request: Request, response: Response, cookie: str, value: str, seconds: float) -> None:
    """Let a browser keep this out of reach of scripts and of other sites, and send it back for signing in alone.

    Not for a request that another site made: it would put its own in the place of what the browser knows.
    """
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        return
    response.set_cookie(
        cookie,
        value,
        max_age=int(seconds),
        path=COOKIE_PATH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )


def _remembered(request: Request, cookie: str) -> str:
    """What the cookie holds. It may be anything, a NUL too, which no text in the database holds."""
    value = request.COOKIES.get(cookie, "")
    return value if re.fullmatch(r"[\w-]{1,64}", value, re.ASCII) else ""


def _malformed(length: int | None) -> str:
    if length is None:
        return _("A code has 4 or 10 digits.")
    return _("The code has %(length)d digits.") % {"length": length}


class RefreshView(OpenView):
    @operation(
        "refresh",
        serializers.TokenAnswer,
        *SIGNED_IN[1:],
        request=serializers.RefreshRequest,
        summary="Swap a refresh token for the next pair",
        description="Good once. A lost answer may be asked for again within 10 seconds; any later reuse is taken for "
        "theft and ends the session and the device's trust.",
        tags=["auth"],
    )
    def post(self, request: Request) -> Response:
        pair = tokens.refresh(read(serializers.RefreshRequest, request.data)["refresh"])
        return Response(serializers.TokenAnswer(pair).data)


class LogoutView(OpenView):
    @operation(
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
    def post(self, request: Request) -> Response:
        tokens.sign_out(read(serializers.RefreshRequest, request.data)["refresh"])
        return Response(status=204)


class DevicesView(APIView):
    @operation(
        "devices_list",
        serializers.DeviceAnswer(many=True),
        *SIGNED_IN,
        summary="Your devices",
        description="Where you have signed in, the newest first; those without session and trust are left out.",
        tags=["devices"],
    )
    def get(self, request: Request) -> Response:
        listed = devices.listed(request.user, request.auth.now)
        return Response(serializers.DeviceAnswer(listed, many=True, context={"device": request.auth.device}).data)

    @operation(
        "devices_end_all",
        None,
        *SIGNED_IN,
        status=204,
        summary="End all your devices",
        description="Session and trust, this device's too.",
        tags=["devices"],
    )
    def delete(self, request: Request) -> Response:
        accounts.revoke_devices(request.user)
        return Response(status=204)


class DeviceView(APIView):
    @operation(
        "devices_end",
        None,
        *SIGNED_IN,
        "not_found",
        status=204,
        summary="End one of your devices",
        description="Session and trust: its tokens are refused at once, and signing in there is as on a new device.",
        tags=["devices"],
    )
    def delete(self, request: Request, device_id: int) -> Response:
        devices.revoke(request.user, device_id, request.auth.now)
        return Response(status=204)
