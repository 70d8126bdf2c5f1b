"""Signing in, devices and profiles over HTTP.

A method makes one domain call and translates its result. What the domain raises becomes a problem in `api.exceptions`;
its description in the OpenAPI document is in `api.operations`.
"""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils.translation import get_language
from rest_framework.decorators import action
from rest_framework.permissions import IsAdminUser, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.viewsets import GenericViewSet

from api import cookies, operations, serializers, streaming
from api.authentication import OwnProfileAuthentication, OwnProfileRequest, SessionRequest
from api.pagination import InvitationsPagination, ProfilesPagination
from profiles import activation, privacy, queries, signup
from profiles.models import Profile
from users import accounts, client, phones
from users.login import devices, signin, tokens

# OPTIONS is refused like any other unknown method: the OpenAPI document says what exists.
METHODS = ["get", "head", "post", "delete"]


class AuthViewSet(GenericViewSet[Any]):
    """Signing in and out. A stale or foreign `Authorization` header changes nothing here."""

    http_method_names = METHODS
    authentication_classes = ()
    permission_classes = ()

    @operations.signup
    @action(detail=False, methods=["post"], serializer_class=serializers.SignupRequest)
    def signup(self, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        issued = signup.sign_up(
            phones.normalise(given["phone"]),
            address=client.address(request),
            language=get_language() or settings.LANGUAGE_CODE,
            device_token=given.get("device_token") or cookies.read(request, cookies.DEVICE),
            challenge_id=given.get("challenge_id") or cookies.read(request, cookies.CHALLENGE),
        )
        response = Response({name: value for name, value in vars(issued).items() if value is not None})
        cookies.write(request, response, cookies.CHALLENGE, issued.challenge_id, issued.expires_in)
        return response

    @operations.login
    @action(detail=False, methods=["post"], serializer_class=serializers.LoginRequest)
    def login(self, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        phone = given.get("phone")
        signed_in = signin.sign_in(
            given["code"],
            challenge_id=given.get("challenge_id"),
            remembered_challenge_id=cookies.read(request, cookies.CHALLENGE),
            phone=phones.normalise(phone) if phone else None,
            address=client.address(request),
            user_agent=client.user_agent(request),
        )
        response = Response(
            {**vars(signed_in.tokens), "device_token": signed_in.device_token, "created": signed_in.created}
        )
        cookies.delete(response, cookies.CHALLENGE)
        cookies.write(request, response, cookies.DEVICE, signed_in.device_token, devices.TRUST_FOR.total_seconds())
        return response

    @operations.refresh
    @action(detail=False, methods=["post"], serializer_class=serializers.RefreshRequest)
    def refresh(self, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        pair = tokens.refresh(serializer.validated_data["refresh"])
        return Response(serializers.TokenAnswer(pair).data)

    @operations.logout
    @action(detail=False, methods=["post"], serializer_class=serializers.RefreshRequest)
    def logout(self, request: Request) -> Response:
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

    @operations.devices_list
    def list(self, request: SessionRequest) -> Response:
        listed = devices.listed(request.user, request.auth.now)
        return Response(self.get_serializer(listed, many=True).data)

    @operations.devices_end
    def destroy(self, request: SessionRequest, device_id: int) -> Response:
        devices.revoke(request.user, device_id, request.auth.now)
        return Response(status=204)

    @operations.devices_end_all
    def destroy_all(self, request: SessionRequest) -> Response:
        accounts.revoke_devices(request.user)
        return Response(status=204)


class ProfileViewSet(GenericViewSet[Any]):
    """All profiles for staff, and `me` for the signed-in user."""

    http_method_names = METHODS
    permission_classes = (IsAdminUser,)
    pagination_class = ProfilesPagination
    lookup_url_kwarg = "user_id"
    lookup_value_converter = "int"

    def get_queryset(self) -> QuerySet[Profile]:
        return queries.of_existing_users()

    @operations.profiles_list
    def list(self, request: SessionRequest) -> Response:
        # A plain dict: in a form, REST framework reads a blank value as a missing one.
        query = serializers.ProfileQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        page = self.paginate_queryset(queries.search(**query.filters()))
        return self.get_paginated_response(self._for_staff(request, page, many=True))

    @operations.profiles_read
    def retrieve(self, request: SessionRequest, user_id: int) -> Response:
        return Response(self._for_staff(request, self.get_object()))

    def _for_staff(self, request: SessionRequest, found: Any, *, many: bool = False) -> Any:
        """With full phones, which is logged, or with masked phones."""
        if not request.user.has_perm("users.view_phone"):
            return serializers.MaskedProfileAnswer(found, many=many).data
        accounts.log_full_phones_viewed(request.user, request.path)
        return serializers.ProfileAnswer(found, many=many).data

    @operations.me_read
    @action(
        detail=False,
        permission_classes=[IsAuthenticated],
        authentication_classes=[OwnProfileAuthentication],
        serializer_class=serializers.ActivateRequest,
    )
    def me(self, request: OwnProfileRequest) -> Response:
        return self._own_profile(request.auth.session_id, request.auth.user_id)

    @me.mapping.post
    @operations.me_activate
    def activate(self, request: SessionRequest) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        activation.activate(request.user.pk, serializer.validated_data["activated_invite"])
        return self._own_profile(request.auth.device.session_id, request.user.pk)

    @me.mapping.delete
    @operations.me_erase
    def erase(self, request: SessionRequest) -> Response:
        privacy.erase(request.auth.device)
        return Response(status=204)

    def _own_profile(self, session_id: UUID, user_id: int) -> Response:
        own = queries.own_profile(session_id, user_id)
        invitations = reverse("profile-invitations", request=self.request) if own.last_shown else ""
        older = own.last_shown and InvitationsPagination().link_after(invitations, own.last_shown)
        return Response(serializers.FastOwnProfile(own, context={"invitations_next": older}).data)

    @operations.me_invitations
    @action(
        detail=False,
        url_path="me/invitations",
        url_name="invitations",
        permission_classes=[IsAuthenticated],
        serializer_class=serializers.InvitationAnswer,
        pagination_class=InvitationsPagination,
    )
    def invitations(self, request: SessionRequest) -> Response:
        page = self.paginate_queryset(queries.invitations_of(request.user))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @operations.me_export
    @action(detail=False, url_path="me/export", url_name="export", permission_classes=[IsAuthenticated])
    def export(self, request: SessionRequest) -> StreamingHttpResponse:
        return streaming.json_object(privacy.export(request.user))
