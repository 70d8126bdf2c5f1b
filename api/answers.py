"""Responses that more than one operation gives."""

from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from api import links
from api.pagination import InvitationsPagination
from api.serializers import FastOwnProfile
from profiles.queries import OwnProfile
from users.login.challenges import ChallengeIssued


def issued(challenge: ChallengeIssued) -> Response:
    """The challenge that a client got, without `code` except in demo mode."""
    return Response({name: value for name, value in vars(challenge).items() if value is not None})


def own_profile(request: Request, own: OwnProfile) -> Response:
    """The user's profile, with a link to the invitations that are older than those it shows."""
    invitations = links.absolute(request, reverse("profile-invitations")) if own.last_shown else ""
    older = own.last_shown and InvitationsPagination().link_after(invitations, own.last_shown)
    return Response(FastOwnProfile(own, context={"invitations_next": older}).data)
