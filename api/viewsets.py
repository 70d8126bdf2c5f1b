"""Signing in, devices and profiles over HTTP.

A method makes one domain call and translates its result. What the domain raises becomes a problem in `api.exceptions`.
In the OpenAPI document, the docstring of an action is its summary and its description.
"""

from typing import Any

from django.conf import settings
from django.http import StreamingHttpResponse
from django.utils.translation import get_language
from rest_framework.decorators import action
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from api import answers, cookies, serializers, streaming
from api.authentication import OwnProfileAuthentication, OwnProfileRequest, SessionRequest
from api.openapi import ACTIVATION, CURSOR, DEVICE_ID, PHONE_SEARCH, SIGNED_IN, STAFF, USER_ID, WITH_PHONE, operation
from api.pagination import InvitationsPagination, ProfilesPagination
from api.permissions import IsStaff, OwnOrigin
from profiles import activation, export, privacy, queries, signup
from users import accounts, client, phones
from users.large_responses import reading_list
from users.login import devices, signin, tokens

# OPTIONS is refused like any other unknown method: the OpenAPI document says what exists.
METHODS = ["get", "head", "post", "delete"]


class AuthViewSet(GenericViewSet[Any]):
    """Signing in and out. A stale or foreign `Authorization` header changes nothing here."""

    http_method_names = METHODS
    authentication_classes = ()
    permission_classes = ()

    @operation("signup", serializers.SignupAnswer, *WITH_PHONE, "foreign_origin", "too_many_requests")
    @action(detail=False, methods=["post"], serializer_class=serializers.SignupRequest, permission_classes=[OwnOrigin])
    def signup(self, request: Request) -> Response:
        """Request a sign-in code.

        The first step of each sign-in, for new and for known users. A repeated request resends the code when the resend
        interval has passed. A browser that keeps cookies need not send the other fields.
        """
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        challenge = signup.sign_up(
            phones.normalise(given["phone"]),
            address=client.address(request),
            language=get_language() or settings.LANGUAGE_CODE,
            device_token=given.get("device_token", cookies.read(request, cookies.DEVICE)),
            challenge_id=given.get("challenge_id", cookies.read(request, cookies.CHALLENGE)),
        )
        response = answers.issued(challenge)
        cookies.write(request, response, cookies.CHALLENGE, challenge.challenge_id, challenge.expires_in)
        return response

    @operation("login", serializers.LoginAnswer, *WITH_PHONE, "invalid_code", "account_disabled", "foreign_origin")
    @action(detail=False, methods=["post"], serializer_class=serializers.LoginRequest, permission_classes=[OwnOrigin])
    def login(self, request: Request) -> Response:
        """Sign in with the code.

        A client that keeps cookies can send only the code. Other clients send `challenge_id` or `phone` too. The
        response also sets `device_token` as an HttpOnly cookie, so a browser keeps that of the last phone. If the
        response is lost, repeat the request within 10 seconds, with `challenge_id` or the cookie: it gets the same
        session.
        """
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        signed_in = signin.sign_in(
            given["code"],
            challenge_id=given.get("challenge_id"),
            remembered_challenge_id=cookies.read(request, cookies.CHALLENGE),
            phone=phones.normalise(given["phone"]) if "phone" in given else None,
            address=client.address(request),
            user_agent=client.user_agent(request),
        )
        names = ("device_token", "created", "requested_by_others")
        response = Response(vars(signed_in.tokens) | {name: getattr(signed_in, name) for name in names})
        response.repeated = signed_in.repeated  # type: ignore[attr-defined]  # for the metrics
        cookies.delete(response, cookies.CHALLENGE)
        cookies.write(request, response, cookies.DEVICE, signed_in.device_token, devices.TRUST_FOR.total_seconds())
        return response

    @operation("refresh", serializers.TokenAnswer, *SIGNED_IN[1:])
    @action(detail=False, methods=["post"], serializer_class=serializers.RefreshRequest)
    def refresh(self, request: Request) -> Response:
        """Exchange a refresh token for a new pair.

        Store the new pair before you use it. If the response is lost, repeat the request: within 10 seconds the same
        refresh token comes back, and later a new one, as long as the lost pair was never used. Any other reuse counts
        as theft and ends the session and the device's trust.
        """
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        pair = tokens.refresh(serializer.validated_data["refresh"])
        return Response(vars(pair))

    @operation("logout", None, "token_invalid", "token_expired")
    @action(detail=False, methods=["post"], serializer_class=serializers.RefreshRequest)
    def logout(self, request: Request) -> Response:
        """End the session.

        The device stays known (token and cookie), so the next sign-in from it meets no stranger's codes.
        """
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        tokens.sign_out(serializer.validated_data["refresh"])
        return Response(status=204)


class DeviceViewSet(GenericViewSet[Any]):
    """The signed-in user's own devices."""

    http_method_names = METHODS
    serializer_class = serializers.DeviceAnswer
    lookup_url_kwarg = "device_id"
    lookup_value_converter = "int"

    @operation("devices_list", serializers.DeviceAnswer(many=True), *SIGNED_IN)
    def list(self, request: SessionRequest) -> Response:
        """Your devices. Where you have signed in, the newest first; those without session and trust are left out."""
        listed = devices.listed(request.user, request.auth.now)
        return Response(self.get_serializer(listed, many=True).data)

    @operation("devices_end", None, *SIGNED_IN, "not_found", parameters=[DEVICE_ID])
    def destroy(self, request: SessionRequest, device_id: int) -> Response:
        """End one of your devices.

        Session and trust: its tokens are refused at once, and signing in there is as on a new device.
        """
        devices.revoke(request.user, device_id, request.auth.now)
        return Response(status=204)

    @operation("devices_end_all", None, *SIGNED_IN)
    def destroy_all(self, request: SessionRequest) -> Response:
        """End all your devices. Session and trust, this device's too."""
        accounts.revoke_devices(request.user)
        return Response(status=204)


class ProfileViewSet(GenericViewSet[Any]):
    """All profiles for staff, and `me` for the signed-in user."""

    http_method_names = METHODS
    permission_classes = (IsStaff,)
    pagination_class = ProfilesPagination
    queryset = queries.of_existing_users()
    lookup_url_kwarg = "user_id"
    lookup_value_converter = "int"

    @operation(
        "profiles_list",
        serializers.ProfileAnswer(many=True),
        *STAFF,
        *PHONE_SEARCH,
        tags=["staff"],
        parameters=[serializers.ProfileQuery, CURSOR],
    )
    def list(self, request: SessionRequest) -> Response:
        """All profiles.

        For staff. Unverified, disabled and erased users are not listed. Staff with the permission `users.view_phone`
        get full phones, and each such response is logged. Others get `+7***4567` and may filter by 30 phones an hour.
        A service that requires a second factor of its operators refuses every token with `permission_denied`.
        """
        # A plain dict: in a form, REST framework reads a blank value as a missing one.
        query = serializers.ProfileQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        with reading_list():
            page = self.paginate_queryset(queries.search(request.user, **query.filters()))
        return self.get_paginated_response(self._for_staff(request, page, many=True))

    @operation("profiles_read", serializers.ProfileAnswer, *STAFF, "not_found", tags=["staff"], parameters=[USER_ID])
    def retrieve(self, request: SessionRequest, user_id: int) -> Response:
        """One profile. For staff. Unverified, disabled and erased users are not found. The rest is as in the list."""
        return Response(self._for_staff(request, self.get_object()))

    def _for_staff(self, request: SessionRequest, found: Any, *, many: bool = False) -> Any:
        """With full phones, which is logged, or with masked phones."""
        if not request.user.has_perm("users.view_phone"):
            return serializers.MaskedProfileAnswer(found, many=many).data
        accounts.log_full_phones_viewed(request.user, request.path)
        return serializers.ProfileAnswer(found, many=many).data

    @operation("me_read", serializers.OwnProfileAnswer, *SIGNED_IN)
    @action(
        detail=False,
        permission_classes=[IsAuthenticated],
        authentication_classes=[OwnProfileAuthentication],
        serializer_class=serializers.ActivateRequest,
    )
    def me(self, request: OwnProfileRequest) -> Response:
        """Your profile. Your invite code, the one you activated (null until then), and who activated yours."""
        return answers.own_profile(request, queries.own_profile_of(request.auth))

    @me.mapping.post
    @operation("me_activate", serializers.OwnProfileAnswer, *SIGNED_IN, *ACTIVATION)
    def activate(self, request: SessionRequest) -> Response:
        """Activate another user's invite code.

        A user can do this once and cannot change it. **The code's owner will see the user's phone number**: say so
        before the user confirms. Ten wrong codes an hour and thirty a day are allowed.
        """
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        activation.activate(request.user.pk, serializer.validated_data["activated_invite"])
        return answers.own_profile(request, queries.own_profile(request.auth.device.session_id, request.user.pk))

    @me.mapping.delete
    @operation("me_erase", None, *SIGNED_IN, "fresh_sign_in_required")
    def erase(self, request: SessionRequest) -> Response:
        """Erase the account.

        Deletes phone, devices and your vote for good. Votes for you stay, without your phone. Needs a device that
        signed in by code at most 10 minutes ago.
        """
        privacy.erase(request.auth.device)
        return Response(status=204)

    @operation("me_invitations", serializers.InvitationAnswer(many=True), *SIGNED_IN, "invalid", parameters=[CURSOR])
    @action(
        detail=False,
        url_path="me/invitations",
        permission_classes=[IsAuthenticated],
        pagination_class=InvitationsPagination,
        serializer_class=serializers.InvitationAnswer,
    )
    def invitations(self, request: SessionRequest) -> Response:
        """Who activated your code. The newest first, 50 to a page; follow `next` or `next_cursor` until it is null.

        Disabled users are not shown. `invitations_count` of your profile counts them, because their votes stay.
        """
        page = self.paginate_queryset(queries.invitations_of(request.user))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @operation("me_export", dict, *SIGNED_IN)
    @action(detail=False, url_path="me/export", permission_classes=[IsAuthenticated])
    def export(self, request: SessionRequest) -> StreamingHttpResponse:
        """Everything held on you.

        User, profile, vote, phones of all users who activated your code, devices, sign-in codes (never their digits),
        the requests for them, SMS, wrong invite codes, and what operators did. Times are in UTC, phones in E.164. The
        response may be long and is streamed.
        """
        return streaming.json_object(export.data_of(request.user))
