"""Views of profiles. A view makes one domain call and translates its answer."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from rest_framework.permissions import IsAdminUser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from api import exceptions, serializers, streaming
from api.authentication import bearer
from api.base import APIView, takes_anything
from api.openapi import SIGNED_IN, operation, page_of
from api.pagination import Keyset
from api.serializers import read
from profiles import activation, invite_codes, privacy, queries
from users import accounts
from users.login.tokens import AccessToken, TokenExpired, TokenInvalid, TokenRevoked

INVITATIONS = Keyset("-created_at", "-invitee_id")
PROFILE_ORDERS = {
    name: Keyset(name, "-user_id" if name.startswith("-") else "user_id") for name in serializers.PROFILE_ORDERINGS
}


class MeView(APIView):
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer what is asked most right here: REST framework's way to the same answer takes longer than the answer.

        Whatever is not as usual goes that way, tokens that open nothing too.
        """
        token = bearer(request)
        if token and request.method == "GET" and takes_anything(request):
            with suppress(TokenInvalid, TokenExpired, TokenRevoked):
                return _own_at_once(request, token)
        return super().dispatch(request, *args, **kwargs)

    @operation(
        "me_read",
        serializers.OwnProfileAnswer,
        *SIGNED_IN,
        summary="Your profile",
        description="Your invite code, the one you activated (null until then), and who activated yours.",
        tags=["profiles"],
    )
    def get(self, request: Request) -> Response:
        return self._answer(request)

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
        description="Once, for ever: it cannot be changed. **The code's owner will see your phone number**: tell the "
        "person so before they confirm. Ten wrong codes an hour and thirty a day may be tried.",
        tags=["profiles"],
    )
    def post(self, request: Request) -> Response:
        given = read(serializers.ActivateRequest, request.data)
        try:
            activation.activate(request.user.pk, given["activated_invite"])
        except invite_codes.MalformedInviteCode as error:
            raise exceptions.field_error("activated_invite", "invalid", _("This is not an invite code.")) from error
        return self._answer(request)

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

    def _answer(self, request: Request) -> Response:
        return Response(_own(request, queries.own_profile(request.auth.device.session_id, request.user.pk)))


def _own_at_once(request: HttpRequest, token: str) -> HttpResponse:
    claims = AccessToken.parse(token)
    try:
        own = queries.own_profile(claims.session_id, claims.user_id)
    except (OperationalError, InterfaceError) as error:
        return exceptions.unavailable(error)
    return HttpResponse(streaming.encode(_own(request, own)), content_type="application/json")


def _own(request: Request | HttpRequest, own: queries.OwnProfile) -> dict[str, Any]:
    older = own.last_shown and INVITATIONS.link_after(reverse("invitations", request=request), own.last_shown)
    return serializers.own_profile(own, older)


class InvitationsView(APIView):
    @operation(
        "me_invitations",
        page_of(serializers.InvitationAnswer),
        *SIGNED_IN,
        "invalid",
        summary="Who activated your code",
        description="The newest first, 50 to a page; follow `next` until it is null.",
        parameters=[serializers.CursorQuery],
        tags=["profiles"],
    )
    def get(self, request: Request) -> Response:
        read(serializers.CursorQuery, request.query_params.dict())
        page = INVITATIONS.page(queries.invitations_of(request.user), request)
        return Response(page.answer(serializers.InvitationAnswer))


class ExportView(APIView):
    @operation(
        "me_export",
        OpenApiTypes.OBJECT,
        *SIGNED_IN,
        summary="Everything held on you",
        description="A file to keep: person, profile, vote, phones of all who activated your code, devices, sign-in "
        "codes (never their digits), who asked for them, SMS, wrong invite codes, what operators did. "
        "Times are UTC, phones E.164. It may be long, and is sent while it is read.",
        tags=["profiles"],
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        return streaming.json_object(privacy.export(request.user))


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
        description="For staff. Unverified, disabled and erased people are not listed. Whole phones are for those "
        "who may see them (`users.view_phone`), and each such answer is logged; others get `+7***4567`.",
        parameters=[serializers.ProfileQuery],
        tags=["staff"],
    )
    def get(self, request: Request) -> Response:
        given = read(serializers.ProfileQuery, request.query_params.dict())
        ordering = given.pop("ordering")
        given.pop("cursor")
        try:
            found = queries.search(**given)
        except invite_codes.MalformedInviteCode as error:
            raise exceptions.field_error("invite_code", "invalid", _("This is not an invite code.")) from error
        page = PROFILE_ORDERS[ordering].page(found, request)
        return Response(page.answer(_profile_answer(request)))


class ProfileView(APIView):
    permission_classes = (IsAdminUser,)

    @operation(
        "profiles_read",
        serializers.ProfileAnswer,
        *SIGNED_IN,
        "permission_denied",
        "not_found",
        summary="One profile",
        description="For staff. Unverified, disabled and erased people are not found. Phones are as in the list.",
        tags=["staff"],
    )
    def get(self, request: Request, user_id: int) -> Response:
        profile = queries.of_existing_people().filter(pk=user_id).first()
        if profile is None:
            raise Http404
        return Response(_profile_answer(request)(profile).data)


def _profile_answer(request: Request) -> type[serializers.ProfileAnswer]:
    """With whole phones, and a line in the log, or with masked ones."""
    if not request.user.has_perm("users.view_phone"):
        return serializers.MaskedProfileAnswer
    accounts.log_whole_phones_seen(request.user, request.path)
    return serializers.ProfileAnswer
