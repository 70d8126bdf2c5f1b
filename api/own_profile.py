"""The response with the own profile, which more than one operation gives."""

from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from api import links
from api.pagination import InvitationsPagination
from api.serializers import FastOwnProfile
from profiles.queries import OwnProfile


def answer(request: Request, own: OwnProfile) -> Response:
    """The user's profile, with a link to the invitations that are older than those it shows."""
    invitations = links.absolute(request, reverse("profile-invitations")) if own.last_shown else ""
    older = own.last_shown and InvitationsPagination().link_after(invitations, own.last_shown)
    return Response(FastOwnProfile(own, context={"invitations_next": older}).data)
