"""The OpenAPI document: what each operation takes, gives and may refuse."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers

from api.problems import MEDIA_TYPE, PROBLEMS

SIGNED_IN = ("not_authenticated", "token_invalid", "token_expired", "token_revoked")
WITH_BODY = ("invalid", "payload_too_large", "unsupported_media_type")
ALWAYS = ("not_acceptable", "unavailable")


class ErrorAnswer(serializers.Serializer[Any]):
    field = serializers.CharField(help_text="Empty for the body as a whole")
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemAnswer(serializers.Serializer[Any]):
    """RFC 9457. `code` is stable and for programs, `detail` is for people and translated."""

    type = serializers.URLField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.ChoiceField(choices=list(PROBLEMS))
    detail = serializers.CharField()
    request_id = serializers.CharField()
    errors = ErrorAnswer(many=True, required=False)
    retry_after = serializers.IntegerField(required=False, help_text="Seconds, equal to the Retry-After header")
    attempts_left = serializers.IntegerField(required=False)
    activated_invite = serializers.CharField(required=False)


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


def operation(
    operation_id: str, answer: Any, *refusals: str, status: int = 200, request: Any = None, **more: Any
) -> Any:
    """Describe an operation: its answer, and the codes of the problems it may give besides the usual ones."""
    by_status: dict[int, list[str]] = defaultdict(list)
    codes = [*(WITH_BODY if request else ()), *refusals, *ALWAYS]
    for code in dict.fromkeys(codes):
        by_status[PROBLEMS[code].status].append(code)
    responses: dict[Any, Any] = {status: answer}
    for refused, with_codes in sorted(by_status.items()):
        responses[refused, MEDIA_TYPE] = OpenApiResponse(
            ProblemAnswer,
            description="; ".join(f"`{code}`: {PROBLEMS[code].title}" for code in with_codes),
            examples=[_example(code) for code in with_codes],
        )
    return extend_schema(operation_id=operation_id, request=request, responses=responses, **more)


def page_of(row: type[serializers.Serializer[Any]]) -> Any:
    """The shape of a page of such rows."""
    return inline_serializer(
        row.__name__.replace("Answer", "Page"),
        {
            "next": serializers.URLField(allow_null=True),
            "previous": serializers.URLField(allow_null=True),
            "results": row(many=True),
        },
    )


def _example(code: str) -> OpenApiExample:
    problem = PROBLEMS[code]
    return OpenApiExample(
        code,
        value={
            "type": f"https://invite.example.org/problems/{code}",
            "title": problem.title,
            "status": problem.status,
            "code": code,
            "detail": str(problem.detail),
            "request_id": "4f1c2b7a9d3e4c5f8a6b0d1e2f3a4b5c",
        },
        media_type=MEDIA_TYPE,
        response_only=True,
    )


def without_slashed(endpoints: list[Any], **kwargs: Any) -> list[Any]:
    """Every path answers with and without a slash at its end; one of the two is documented."""
    return [endpoint for endpoint in endpoints if not endpoint[0].endswith("/")]
