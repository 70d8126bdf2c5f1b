"""The voting period and the published results, for anyone."""

from base64 import b64encode
from typing import Any

from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from api.fields import TimeField
from api.openapi import CURSOR, operation
from api.pagination import KeysetPagination
from api.streaming import File
from profiles import invite_codes, results, voting


class VotingAnswer(serializers.Serializer[Any]):
    opens_at = TimeField(allow_null=True, help_text="Votes count from this time on; null: no limit")
    closes_at = TimeField(allow_null=True, help_text="Votes count before this time; null: no limit")
    open = serializers.BooleanField(help_text="Whether a vote would count now")
    results_published_at = TimeField(allow_null=True, help_text="Null until there are results")
    results_sha256 = serializers.CharField(
        allow_null=True, help_text="Of the file of the results, in hexadecimal; null until there are results"
    )


class ResultAnswer(serializers.Serializer[Any]):
    place = serializers.IntegerField(help_text="Equal numbers of votes share a place")
    invite_code = serializers.RegexField(f"^{invite_codes.PATTERN}$")
    votes = serializers.IntegerField()


class ResultsPagination(KeysetPagination):
    ordering = ("place", "id")


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

    @operation("results_list", ResultAnswer(many=True), "invalid", "not_found", tags=["voting"], parameters=[CURSOR])
    @action(detail=False, serializer_class=ResultAnswer, pagination_class=ResultsPagination)
    def results(self, request: Request) -> Response:
        """The published results.

        The most votes first, 50 codes to a page; follow `next` or `next_cursor` until it is null. They never change.
        `not_found` until they are published. Codes without votes are not listed.
        """
        page = self.paginate_queryset(results.published())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @operation("results_file", OpenApiTypes.BINARY, "not_found", tags=["voting"], media_type="text/csv")
    @action(detail=False, url_path="results/file")
    def file(self, request: Request) -> File:
        """The file of the results.

        One line for each vote: the invite code and the vote's receipt, sorted. `results_sha256` of the voting period is
        its hash. With it and their `receipt_nonce`, users can check that their vote is counted.
        """
        lines, sha256 = results.file()
        headers = {
            "Content-Disposition": 'attachment; filename="results.csv"',
            "Repr-Digest": f"sha-256=:{b64encode(bytes.fromhex(sha256)).decode()}:",  # RFC 9530
        }
        return File(lines, content_type="text/csv; charset=utf-8", headers=headers)
