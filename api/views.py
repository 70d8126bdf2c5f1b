"""The API's views: each makes one domain call and translates its answer."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from rest_framework.permissions import IsAdminUser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from api import client, problems, serializers
from api.paging import Keyset
from api.schema import SIGNED_IN, operation, page_of
from profiles import invite_codes, people, privacy, reading, voting
from users import devices, phones, signin, tokens

CHALLENGE_COOKIE = "challenge"
CHALLENGE_COOKIE_PATH = "/api/auth"
INVITATIONS = Keyset("-created_at", "-invitee_id")
PROFILE_ORDERS = {
    name: Keyset(name, "-user_id" if name.startswith("-") else "user_id") for name in serializers.PROFILE_ORDERINGS
}


def read(shape: type[Serializer[Any]], data: Any) -> dict[str, Any]:
    """The checked input; an optional field that is missing or null reads as an empty string."""
    serializer = shape(data=data)
    serializer.is_valid(raise_exception=True)
    values = {name: serializer.validated_data.get(name) for name in serializer.fields}
    return {name: "" if value is None else value for name, value in values.items()}


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
        description="The first step for everybody, new or not. Ask again and it is sent again when it is time.",
        tags=["auth"],
    )
    def post(self, request: Request) -> Response:
        given = read(serializers.SignupRequest, request.data)
        asked = people.sign_up(
            phones.normalise(given["phone"]),
            address=client.address(request),
            language=get_language() or settings.LANGUAGE_CODE,
            device_token=given["device_token"],
            challenge_id=given["challenge_id"] or request.COOKIES.get(CHALLENGE_COOKIE, ""),
        )
        answer = {name: value for name, value in asdict(asked).items() if value is not None}
        response = Response(serializers.SignupAnswer(answer).data)
        response.set_cookie(
            CHALLENGE_COOKIE,
            asked.challenge_id,
            max_age=asked.expires_in,
            path=CHALLENGE_COOKIE_PATH,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Strict",
        )
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
        description="The code alone does for a client that keeps cookies; else send `challenge_id`, or `phone`.",
        tags=["auth"],
    )
    def post(self, request: Request) -> Response:
        given = read(serializers.LoginRequest, request.data)
        try:
            signed_in = signin.sign_in(
                given["code"],
                challenge_id=given["challenge_id"],
                remembered_challenge_id=request.COOKIES.get(CHALLENGE_COOKIE, ""),
                phone=phones.normalise(given["phone"]) if given["phone"] else "",
                address=client.address(request),
                user_agent=client.user_agent(request),
            )
        except signin.MalformedCode as error:
            raise problems.field_error("code", "invalid", _malformed(error.length)) from error
        answer = {**asdict(signed_in.tokens), "device_token": signed_in.device_token, "created": signed_in.created}
        response = Response(serializers.LoginAnswer(answer).data)
        response.delete_cookie(CHALLENGE_COOKIE, path=CHALLENGE_COOKIE_PATH, samesite="Strict")
        return response


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
        description="The device stays known, so the next sign-in from it is as easy as this one was.",
        tags=["auth"],
    )
    def post(self, request: Request) -> Response:
        tokens.sign_out(read(serializers.RefreshRequest, request.data)["refresh"])
        return Response(status=204)


class DevicesView(APIView):
    @operation(
        "devices_list", serializers.DeviceAnswer(many=True), *SIGNED_IN, summary="Your devices", tags=["devices"]
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
        devices.end_all(request.user, request.auth.now)
        return Response(status=204)


class DeviceView(APIView):
    @operation(
        "devices_end", None, *SIGNED_IN, "not_found", status=204, summary="End one of your devices", tags=["devices"]
    )
    def delete(self, request: Request, device_id: int) -> Response:
        devices.end(request.user, device_id, request.auth.now)
        return Response(status=204)


class MeView(APIView):
    @operation("me_read", serializers.OwnProfileAnswer, *SIGNED_IN, summary="Your profile", tags=["profiles"])
    def get(self, request: Request) -> Response:
        return self._profile(request)

    @operation(
        "me_activate",
        serializers.OwnProfileAnswer,
        *SIGNED_IN,
        "invite_code_not_found",
        "own_invite_code",
        "already_activated",
        "too_many_requests",
        request=serializers.ActivateRequest,
        summary="Activate somebody's invite code",
        description="Once, for ever. The code's owner will see your phone number.",
        tags=["profiles"],
    )
    def post(self, request: Request) -> Response:
        given = read(serializers.ActivateRequest, request.data)
        try:
            voting.activate(request.user.pk, given["activated_invite"])
        except invite_codes.MalformedInviteCode as error:
            raise problems.field_error("activated_invite", "invalid", _("This is not an invite code.")) from error
        return self._profile(request)

    @operation(
        "me_erase",
        None,
        *SIGNED_IN,
        "fresh_sign_in_required",
        status=204,
        summary="Erase yourself",
        description="Phone, devices and your vote are gone for good; votes for you are kept without your name. "
        "Needs a device that signed in by code at most 10 minutes ago.",
        tags=["profiles"],
    )
    def delete(self, request: Request) -> Response:
        privacy.erase(request.auth.device)
        return Response(status=204)

    def _profile(self, request: Request) -> Response:
        own = reading.own_profile(request.user)
        more = INVITATIONS.first_link(reverse("invitations", request=request), own.newest[-1]) if own.more else None
        context = {"newest": own.newest, "next": more}
        return Response(serializers.OwnProfileAnswer(own.profile, context=context).data)


class InvitationsView(APIView):
    @operation(
        "me_invitations",
        page_of(serializers.InvitationAnswer),
        *SIGNED_IN,
        "invalid",
        summary="Who activated your code, newest first",
        parameters=[serializers.CursorQuery],
        tags=["profiles"],
    )
    def get(self, request: Request) -> Response:
        page = INVITATIONS.page(reading.invitations_of(request.user), request)
        return Response(page.answer(serializers.InvitationAnswer))


class ExportView(APIView):
    @operation(
        "me_export",
        OpenApiTypes.OBJECT,
        *SIGNED_IN,
        summary="Everything held on you",
        tags=["profiles"],
    )
    def get(self, request: Request) -> Response:
        return Response(privacy.export(request.user))


class ProfilesView(APIView):
    permission_classes = (IsAdminUser,)

    @operation(
        "profiles_list",
        page_of(serializers.ProfileAnswer),
        *SIGNED_IN,
        "permission_denied",
        "invalid",
        "invalid_phone",
        "region_not_allowed",
        summary="All profiles",
        description="For staff. Unverified, disabled and erased people are not listed.",
        parameters=[serializers.ProfileQuery],
        tags=["staff"],
    )
    def get(self, request: Request) -> Response:
        given = read(serializers.ProfileQuery, request.query_params.dict())
        ordering = given.pop("ordering")
        try:
            found = reading.search(**given)
        except invite_codes.MalformedInviteCode as error:
            raise problems.field_error("invite_code", "invalid", _("This is not an invite code.")) from error
        page = PROFILE_ORDERS[ordering].page(found, request)
        return Response(page.answer(serializers.ProfileAnswer))


class ProfileView(APIView):
    permission_classes = (IsAdminUser,)

    @operation(
        "profiles_read",
        serializers.ProfileAnswer,
        *SIGNED_IN,
        "permission_denied",
        "not_found",
        summary="One profile",
        tags=["staff"],
    )
    def get(self, request: Request, user_id: int) -> Response:
        profile = reading.of_existing_people().filter(pk=user_id).first()
        if profile is None:
            raise Http404
        return Response(serializers.ProfileAnswer(profile).data)


def not_found(request: HttpRequest, *args: Any) -> HttpResponse:
    return problems.response("not_found")
