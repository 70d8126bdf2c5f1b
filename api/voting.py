"""The voting period, for anyone."""

from typing import Any

from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from api.openapi import operation
from profiles import voting


class VotingAnswer(serializers.Serializer[Any]):
    opens_at = serializers.DateTimeField(allow_null=True, help_text="Votes count from this time on; null: no limit")
    closes_at = serializers.DateTimeField(allow_null=True, help_text="Votes count before this time; null: no limit")
    open = serializers.BooleanField(help_text="Whether a vote would count now")


class VotingViewSet(GenericViewSet[Any]):
    """What anyone may read about the votes. An `Authorization` header changes nothing here."""

    http_method_names = ["get", "head"]
    authentication_classes = ()
    permission_classes = ()

    @operation("voting_read", VotingAnswer, tags=["voting"])
    @action(detail=False, serializer_class=VotingAnswer)
    def voting(self, request: Request) -> Response:
        """The voting period. When users can activate an invite code; outside it, an activation is `voting_closed`."""
        return Response(self.get_serializer(voting.current()).data)
