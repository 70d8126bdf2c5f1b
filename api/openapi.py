"""The OpenAPI document: what each operation takes, gives and may refuse."""

import json
import re
from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers

from api import exceptions
from api.examples import ANSWERS, REQUESTS, SITE, problem_members
from api.exceptions import MEDIA_TYPE
from api.fields import TimeField
from api.problem_codes import PROBLEMS

Method = TypeVar("Method", bound=Callable[..., Any])

SIGNED_IN = ("not_authenticated", "token_invalid", "token_expired", "token_revoked")
STAFF = (*SIGNED_IN, "permission_denied", "too_many_requests")
WITH_PHONE = ("invalid_phone", "region_not_allowed")
PHONE_SEARCH = ("invalid", *WITH_PHONE)
ACTIVATION = ("invite_code_not_found", "own_invite_code", "already_activated", "voting_closed", "too_many_requests")
WITH_BODY = ("invalid", "payload_too_large", "unsupported_media_type")
PROBLEM_CODES = [(code, problem.title) for code, problem in PROBLEMS.items()]
JSON = "application/json"
# A link of a document to another one. The service does not serve those, so its text is what helps.
RELATIVE_LINK = re.compile(r"\[([^]]+)\]\((?![a-z]+:|/)[^)]*\)")
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
CURSOR = OpenApiParameter(
    "cursor",
    {"type": "string", "format": "cursor"},
    description="The `next_cursor` or `previous_cursor` of another page. Empty: the first page",
)
DEVICE_ID = OpenApiParameter("device_id", OpenApiTypes.INT64, "path")
USER_ID = OpenApiParameter("user_id", OpenApiTypes.INT64, "path")


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
    opens_at = TimeField(required=False, allow_null=True, help_text="When voting opens; null: no limit")
    closes_at = TimeField(required=False, allow_null=True, help_text="When it closes; null: no limit")


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
            operation["security"] = [{"token": []}] if self.view.get_authenticators() else []
        return operation

    def get_serializer_name(self, serializer: Any, direction: Any) -> str:
        name: str = super().get_serializer_name(serializer, direction)
        return name.removesuffix("Request")  # the generator adds it

    def get_paginated_name(self, serializer_name: str) -> str:
        return serializer_name.replace("Answer", "Page")


def operation(
    operation_id: str, answer: Any, *refusals: str, media_type: str = JSON, **more: Any
) -> Callable[[Method], Method]:
    """Describe an operation: its answer, and the codes of the problems it may give besides the usual ones.

    `media_type` is that of the answer.

    The first sentence of the method's docstring is the summary, the rest is the description.
    """
    examples = []
    by_status = defaultdict(list)
    if operation_id in REQUESTS:
        examples.append(OpenApiExample("Request", value=REQUESTS[operation_id], request_only=True))
        refusals = (*WITH_BODY, *refusals)
    if operation_id in ANSWERS:
        examples.append(
            OpenApiExample("Answer", value=ANSWERS[operation_id], response_only=True, media_type=media_type)
        )
    for code in (*refusals, "unavailable"):
        by_status[PROBLEMS[code].status].append(code)
    success = (200, media_type) if answer else 204
    responses: dict[Any, Any] = {success: OpenApiResponse(answer, description="Done")}
    responses |= {(status, MEDIA_TYPE): _problems(operation_id, codes) for status, codes in sorted(by_status.items())}
    parameters = [*more.pop("parameters", ()), *HEADERS]

    def describe(method: Method) -> Method:
        summary, _, description = " ".join((method.__doc__ or "").split()).partition(". ")
        decorator: Callable[[Method], Method] = extend_schema(
            operation_id=operation_id,
            summary=summary,
            description=description,
            parameters=parameters,
            responses=responses,
            examples=examples,
            **more,
        )
        return decorator(method)

    return describe


def _problems(operation_id: str, codes: list[str]) -> OpenApiResponse:
    return OpenApiResponse(
        ProblemAnswer,
        description="; ".join(f"[`{code}`](/problems/{code}): {PROBLEMS[code].title}" for code in codes),
        examples=[OpenApiExample(code, value=_problem(operation_id, code), response_only=True) for code in codes],
    )


def _problem(operation_id: str, code: str) -> dict[str, Any]:
    body = json.loads(exceptions.response(code, **problem_members(code, operation_id)).content)
    return {**body, "type": f"{SITE}/problems/{code}", "request_id": REQUEST_ID}


def without_slashed(endpoints: list[Any], **kwargs: Any) -> list[Any]:
    """Every path answers with and without a slash at its end; one of the two is documented."""
    return [endpoint for endpoint in endpoints if not endpoint[0].endswith("/")]


def with_guide(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """End the description with docs/clients.md. Redoc shows it at once, Swagger UI on a click."""
    _, _, guide = (settings.BASE_DIR / "docs" / "clients.md").read_text().partition("\n\n")
    guide = RELATIVE_LINK.sub(r"\1", guide)
    summary = "<summary>For client developers: signing in, tokens, errors, retries, whole clients</summary>"
    result["info"]["description"] += f"\n\n<details>{summary}\n\n{guide}\n</details>\n"
    return result
