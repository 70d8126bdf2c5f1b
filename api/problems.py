"""Errors as RFC 9457 problems: one table of stable codes, and every way an error can arise translated into it.

`code` is for programs, `detail` for people, in their language.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views import defaults
from procrastinate.exceptions import ConnectorException
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.settings import api_settings

from inviting_app.logs import request_id
from profiles import privacy, voting
from users import challenges, devices, phones, signin, tokens

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_UNAVAILABLE_SECONDS = 5


@dataclass(frozen=True)
class Problem:
    status: int
    title: str
    detail: str | Promise


PROBLEMS = {
    "invalid": Problem(400, "Invalid request", _("The request is not valid.")),
    "invalid_phone": Problem(400, "Invalid phone", _("This is not a mobile phone number.")),
    "region_not_allowed": Problem(400, "Region not allowed", _("Numbers of this country are not served.")),
    "invalid_code": Problem(400, "Invalid code", _("The code is wrong or no longer valid.")),
    "not_authenticated": Problem(401, "Not authenticated", _("Sign in first.")),
    "token_invalid": Problem(401, "Invalid token", _("The token is not valid.")),
    "token_expired": Problem(401, "Expired token", _("The token has expired.")),
    "token_revoked": Problem(401, "Revoked token", _("The session has ended. Sign in again.")),
    "permission_denied": Problem(403, "Permission denied", _("You may not do this.")),
    "account_disabled": Problem(403, "Account disabled", _("This account is disabled.")),
    "fresh_sign_in_required": Problem(
        403, "Fresh sign-in required", _("Sign in again by code to do this: it cannot be undone.")
    ),
    "not_found": Problem(404, "Not found", _("There is nothing here.")),
    "invite_code_not_found": Problem(404, "Invite code not found", _("Nobody has this invite code.")),
    "method_not_allowed": Problem(405, "Method not allowed", _("This method is not allowed here.")),
    "not_acceptable": Problem(406, "Not acceptable", _("Answers are given in JSON only.")),
    "own_invite_code": Problem(409, "Own invite code", _("You cannot activate your own invite code.")),
    "already_activated": Problem(409, "Already activated", _("You have already activated an invite code.")),
    "payload_too_large": Problem(413, "Payload too large", _("The request is too large.")),
    "unsupported_media_type": Problem(415, "Unsupported media type", _("Send JSON or a form.")),
    "too_many_requests": Problem(429, "Too many requests", _("Too many requests. Try again later.")),
    "internal_error": Problem(500, "Internal error", _("Something went wrong on our side.")),
    "unavailable": Problem(503, "Unavailable", _("The service is unavailable for a moment. Try again.")),
}

# What the domain and the framework raise, each with its code. The first match counts.
CODES: dict[type[BaseException], str] = {
    phones.InvalidPhone: "invalid_phone",
    phones.RegionNotAllowed: "region_not_allowed",
    signin.InvalidCode: "invalid_code",
    signin.AccountDisabled: "account_disabled",
    tokens.TokenInvalid: "token_invalid",
    tokens.TokenExpired: "token_expired",
    tokens.TokenRevoked: "token_revoked",
    devices.DeviceNotFound: "not_found",
    challenges.TooManyRequests: "too_many_requests",
    voting.InviteCodeNotFound: "invite_code_not_found",
    voting.OwnInviteCode: "own_invite_code",
    voting.AlreadyActivated: "already_activated",
    privacy.FreshSignInRequired: "fresh_sign_in_required",
    OperationalError: "unavailable",
    InterfaceError: "unavailable",
    ConnectorException: "unavailable",
    exceptions.NotAuthenticated: "not_authenticated",
    exceptions.AuthenticationFailed: "token_invalid",
    exceptions.PermissionDenied: "permission_denied",
    exceptions.MethodNotAllowed: "method_not_allowed",
    exceptions.NotAcceptable: "not_acceptable",
    exceptions.UnsupportedMediaType: "unsupported_media_type",
    exceptions.NotFound: "not_found",
    Http404: "not_found",
    exceptions.ValidationError: "invalid",
    exceptions.ParseError: "invalid",
}

# What an exception may say besides its code.
MEMBERS = ("attempts_left", "activated_invite", "retry_after")


def handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler. An error that is nobody's answer stays an error: logged, and a 500."""
    code = next((code for kind, code in CODES.items() if isinstance(error, kind)), None)
    if code is None:
        return None
    members = {name: getattr(error, name) for name in MEMBERS if getattr(error, name, None) is not None}
    if isinstance(error, exceptions.ValidationError | exceptions.ParseError):
        members["errors"] = list(_flat(error.detail))
    if code == "unavailable":
        members |= _unavailable(error)
    body, headers = _build(code, members)
    return Response(body, status=PROBLEMS[code].status, headers=headers, content_type=MEDIA_TYPE)


def unavailable(error: Exception) -> JsonResponse:
    """`unavailable`, from outside DRF."""
    return response("unavailable", **_unavailable(error))


def _unavailable(error: Exception) -> dict[str, int]:
    logger.warning("the database did not answer: %s", type(error).__name__)
    return {"retry_after": RETRY_UNAVAILABLE_SECONDS}


def response(code: str, **members: Any) -> JsonResponse:
    """A problem from outside DRF."""
    body, headers = _build(code, members)
    return JsonResponse(body, status=PROBLEMS[code].status, headers=headers, content_type=MEDIA_TYPE)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return response("invalid") if is_api(request) else defaults.bad_request(request, exception)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return response("permission_denied") if is_api(request) else defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return response("not_found") if is_api(request) else defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    return response("internal_error") if is_api(request) else defaults.server_error(request)


def is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith("/api/")


def field_error(field: str, code: str, detail: str | Promise) -> exceptions.ValidationError:
    """`invalid`, because of one field."""
    return exceptions.ValidationError({field: [exceptions.ErrorDetail(str(detail), code)]})


def _build(code: str, members: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    problem = PROBLEMS[code]
    body = {
        "type": f"{settings.SITE_URL}/problems/{code}",
        "title": problem.title,
        "status": problem.status,
        "code": code,
        "detail": str(problem.detail),
        "request_id": request_id.get(),
        **members,
    }
    headers = {}
    if problem.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="api"'
    if "retry_after" in members:
        headers["Retry-After"] = str(members["retry_after"])
    return body, headers


def _flat(detail: Any, field: str = "") -> Any:
    """DRF's nested error detail as `{field, code, detail}` rows; an empty field is the whole body."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            yield from _flat(inner, "" if name == api_settings.NON_FIELD_ERRORS_KEY else str(name))
    elif isinstance(detail, list):
        for inner in detail:
            yield from _flat(inner, field)
    else:
        yield {"field": field, "code": detail.code, "detail": str(detail)}
