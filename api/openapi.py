"""The OpenAPI document: what each operation takes, gives and may refuse."""

import json
from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeVar

from django.core.serializers.json import DjangoJSONEncoder
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiRequest,
    OpenApiResponse,
    extend_schema,
)
from rest_framework import serializers

from api.examples import EXAMPLES, PROBLEM_MEMBERS, SITE
from api.exceptions import MEDIA_TYPE
from api.problem_codes import PROBLEMS

Method = TypeVar("Method", bound=Callable[..., Any])

SIGNED_IN = ("not_authenticated", "token_invalid", "token_expired", "token_revoked")
WITH_BODY = ("invalid", "payload_too_large", "unsupported_media_type")
ALWAYS = ("unavailable",)
PROBLEM_CODES = [(code, problem.title) for code, problem in PROBLEMS.items()]
REQUEST_ID = "4f1c2b7a9d3e4c5f8a6b0d1e2f3a4b5c"
HEADERS = [
    OpenApiParameter(
        "X-Request-ID", str, "header", required=True, response=True, description="Quote it when you ask for help"
    ),
    OpenApiParameter(
        "Retry-After", int, "header", required=True, response=[429, 503], description="Seconds to wait before retrying"
    ),
    OpenApiParameter(
        "WWW-Authenticate", str, "header", required=True, response=[401], description="The scheme that is expected"
    ),
]


class ErrorAnswer(serializers.Serializer[Any]):
    field = serializers.CharField(help_text="Empty for the body as a whole")
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemAnswer(serializers.Serializer[Any]):
    """RFC 9457. `code` is stable and for programs, `detail` is for people and translated.

    The address in `type` is that of a page on the code; `/problems` lists them all.
    """

    type = serializers.URLField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.ChoiceField(choices=PROBLEM_CODES)
    detail = serializers.CharField()
    request_id = serializers.CharField(help_text="Equal to the X-Request-ID header")
    errors = ErrorAnswer(  # type: ignore[assignment]  # the name of a property of serializers
        many=True, required=False, help_text="What is wrong, field by field"
    )
    retry_after = serializers.IntegerField(required=False, help_text="Seconds, equal to the Retry-After header")
    attempts_left = serializers.IntegerField(required=False, help_text="Guesses that the challenge still has")
    activated_invite = serializers.CharField(required=False, help_text="The invite code that was activated before")


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "The `token` that signing in or refreshing gives; it lasts ten minutes.",
        }


class Schema(AutoSchema):
    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation = super().get_operation(*args, **kwargs)
        if operation is not None:
            operation.setdefault("security", [])  # said aloud where nothing is needed
        return operation

    def get_serializer_name(self, serializer: Any, direction: Any) -> str:
        name: str = super().get_serializer_name(serializer, direction)
        return name.removesuffix("Request")  # the generator adds it

    def get_paginated_name(self, serializer_name: str) -> str:
        return serializer_name.replace("Answer", "Page")


def operation(
    operation_id: str, answer: Any, *refusals: str, status: int = 200, request: Any = None, **more: Any
) -> Callable[[Method], Method]:
    """Describe an operation: its answer, and the codes of the problems it may give besides the usual ones."""
    example = EXAMPLES[operation_id]
    by_status: dict[int, list[str]] = defaultdict(list)
    codes = [*(WITH_BODY if request else ()), *refusals, *ALWAYS]
    for code in dict.fromkeys(codes):
        by_status[PROBLEMS[code].status].append(code)
    responses: dict[Any, Any] = {(status, "application/json"): _success(answer, example.answer)}
    for refused, with_codes in sorted(by_status.items()):
        responses[refused, MEDIA_TYPE] = OpenApiResponse(
            ProblemAnswer,
            description="; ".join(f"[`{code}`](/problems/{code}): {PROBLEMS[code].title}" for code in with_codes),
            examples=[_problem(code) for code in with_codes],
        )
    if request:
        # Forms are taken as well, but a generated client that is told of both sends both.
        given = OpenApiExample("Request", value=example.request, request_only=True)
        request = {"application/json": OpenApiRequest(request, examples=[given])}
    parameters = [*more.pop("parameters", ()), *HEADERS]
    decorator: Callable[[Method], Method] = extend_schema(
        operation_id=operation_id, request=request, responses=responses, parameters=parameters, **more
    )
    return decorator


def _success(answer: Any, example: Any) -> OpenApiResponse:
    if answer is None:
        return OpenApiResponse(None, description="Done")
    shown = OpenApiExample("Answer", value=example, response_only=True)
    return OpenApiResponse(answer, description="Done", examples=[shown])


def _problem(code: str) -> OpenApiExample:
    problem = PROBLEMS[code]
    return OpenApiExample(
        code,
        value={
            "type": f"{SITE}/problems/{code}",
            "title": problem.title,
            "status": problem.status,
            "code": code,
            "detail": str(problem.detail),
            "request_id": REQUEST_ID,
            **json.loads(DjangoJSONEncoder().encode(PROBLEM_MEMBERS.get(code, {}))),
        },
        media_type=MEDIA_TYPE,
        response_only=True,
    )


def without_slashed(endpoints: list[Any], **kwargs: Any) -> list[Any]:
    """Every path answers with and without a slash at its end; one of the two is documented."""
    return [endpoint for endpoint in endpoints if not endpoint[0].endswith("/")]
