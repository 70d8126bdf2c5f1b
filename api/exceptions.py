"""Errors as RFC 9457 problems: each exception of the domain and the framework has a code of the one table.

`code` is for programs. `detail` is for users, in their language.
"""

import sys
from json import JSONDecodeError
from typing import Any, TypeVar

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import DisallowedHost, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.views import defaults
from rest_framework import exceptions, views
from rest_framework.response import Response
from rest_framework.settings import api_settings

from api.parsers import CompressedBody, JSONInForm
from api.permissions import ForeignOrigin
from api.problem_codes import PROBLEMS
from profiles import activation, phone_change, privacy, results, voting
from users import phones
from users.client import text_of_header
from users.clock import RetryLater
from users.context import request_id
from users.large_responses import Busy
from users.login import devices, signin, tokens
from users.masks import mask_host
from users.outages import is_outage

Answer = TypeVar("Answer", bound=HttpResponse)

MEDIA_TYPE = "application/problem+json"
RETRY_UNAVAILABLE_SECONDS = 5

# The problem code of each exception. The first match counts.
CODES: dict[type[BaseException], str] = {
    phones.InvalidPhone: "invalid_phone",
    phones.RegionNotAllowed: "region_not_allowed",
    signin.InvalidCode: "invalid_code",
    signin.AccountDisabled: "account_disabled",
    tokens.TokenInvalid: "token_invalid",
    tokens.TokenExpired: "token_expired",
    tokens.TokenRevoked: "token_revoked",
    devices.DeviceNotFound: "not_found",
    RetryLater: "too_many_requests",
    activation.InviteCodeNotFound: "invite_code_not_found",
    activation.OwnInviteCode: "own_invite_code",
    activation.AlreadyActivated: "already_activated",
    voting.VotingClosed: "voting_closed",
    results.NotPublished: "not_found",
    Busy: "unavailable",
    privacy.FreshSignInRequired: "fresh_sign_in_required",
    phone_change.StaffPhone: "staff_phone",
    phone_change.PhoneTaken: "phone_taken",
    ForeignOrigin: "foreign_origin",
    exceptions.NotAuthenticated: "not_authenticated",
    exceptions.AuthenticationFailed: "token_invalid",
    exceptions.PermissionDenied: "permission_denied",
    PermissionDenied: "permission_denied",
    exceptions.MethodNotAllowed: "method_not_allowed",
    exceptions.UnsupportedMediaType: "unsupported_media_type",
    exceptions.NotFound: "not_found",
    Http404: "not_found",
    exceptions.ValidationError: "invalid",
    exceptions.ParseError: "invalid",
}

# Attributes of exceptions that become members of the problem, unless they are None.
MEMBERS = ("attempts_left", "activated_invite", "retry_after")

# Attributes that become members even if they are None: no time is set.
TIMES = ("opens_at", "closes_at")


def handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """REST framework's exception handler. It returns None for an exception without a code, which becomes a 500."""
    if isinstance(error, signin.MalformedCode):
        error = field_error("code", "invalid", _malformed(error))
    if isinstance(error, phone_change.OwnPhone):
        error = field_error("phone", "own", _("This is your number already."))
    code = next((code for kind, code in CODES.items() if isinstance(error, kind)), None)
    if code is None and is_outage(error):
        return unavailable(Response, error)
    if code is None:
        return views.exception_handler(error, context)
    members = {name: getattr(error, name) for name in MEMBERS if getattr(error, name, None) is not None}
    members |= {name: getattr(error, name) for name in TIMES if hasattr(error, name)}
    if isinstance(error, exceptions.ValidationError):
        members["errors"] = list(_flat(error.detail))
    if isinstance(error, exceptions.ParseError):
        members["errors"] = [{"field": "", "code": error.default_code, "detail": _unreadable(error)}]
    if isinstance(error, CompressedBody):
        members["detail"] = _("Send the body uncompressed, without Content-Encoding.")
    answer = _build(Response, code, members)
    answer.problem_cause = getattr(error, "log_cause", "")  # type: ignore[attr-defined]  # for the log
    return answer


def unavailable(kind: type[Answer], error: BaseException) -> Answer:
    """The problem of a database that cannot serve now."""
    return _because_of(error, _build(kind, "unavailable", {"retry_after": RETRY_UNAVAILABLE_SECONDS}))


def unavailable_page(request: HttpRequest, error: BaseException) -> HttpResponse:
    """The same outside the API: a page for people. Rendering it needs no database."""
    answer = _because_of(error, _page(request, 503))
    answer["Retry-After"] = str(RETRY_UNAVAILABLE_SECONDS)
    answer["Cache-Control"] = "no-store"
    return answer


def _because_of(error: BaseException, answer: Answer) -> Answer:
    # For the log. The name of an exception holds no values.
    answer.problem_cause = type(error.__cause__ or error).__name__  # type: ignore[attr-defined]
    return answer


def response(code: str, **members: Any) -> JsonResponse:
    """A problem from outside DRF."""
    return _build(JsonResponse, code, members)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, DisallowedHost):
        return foreign_host(request)
    if is_outage(exception):  # Django takes a session that cannot be saved for a bad request
        return unavailable_page(request, exception)
    return response("invalid") if is_api(request) else _page(request, 400)


def foreign_host(request: HttpRequest) -> HttpResponse:
    """Say which host is refused, and which settings allow one: otherwise a deployer would search for long."""
    host = text_of_header(request.META.get("HTTP_HOST", request.META["SERVER_NAME"]))[:200]
    why = _("The host %(host)s is not served here. The operator can add it to EXTRA_HOSTS, or set SITE_URL.")
    why %= {"host": f'"{host}"'}
    if is_api(request):
        refused: HttpResponse = response(
            "invalid", detail=why, errors=[{"field": "Host", "code": "invalid", "detail": why}]
        )
    else:
        refused = render(request, "foreign_host.html", {"why": why}, status=400)
    refused.problem_cause = f"host {mask_host(host)!a:.100} is not in SITE_URL or EXTRA_HOSTS"  # type: ignore[attr-defined]
    return refused


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return response("permission_denied") if is_api(request) else _page(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return response("not_found") if is_api(request) else _page(request, 404)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return _page(request, 403, "403_csrf.html")


def _page(request: HttpRequest, status: int, template: str = "") -> HttpResponse:
    """The page of this error. Django's own views of errors read the form first, and fail if it cannot be read.

    An error of the admin has the admin's header and menu. These need the database, and a user, whom a request that is
    refused early does not have yet.
    """
    context: dict[str, Any] = {}
    match = request.resolver_match
    if status != 503 and hasattr(request, "user") and match and match.app_name == "admin":
        context = {**admin.site.each_context(request), "frame": "admin/users/error.html"}
    return render(request, template or f"{status}.html", context, status=status)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django calls this for what no view has handled, while it handles the exception."""
    if (error := sys.exception()) and is_outage(error):
        return unavailable(JsonResponse, error) if is_api(request) else unavailable_page(request, error)
    return response("internal_error") if is_api(request) else defaults.server_error(request)


def is_api(request: HttpRequest) -> bool:
    """Whether the path is one of the API, or a misspelling of one that is answered in JSON too: `//api/`, `/API/`."""
    return f"/{request.path_info.lstrip('/')}/".lower().startswith("/api/")


def field_error(field: str, code: str, detail: str | Promise) -> exceptions.ValidationError:
    """`invalid`, because of one field."""
    return exceptions.ValidationError({field: [exceptions.ErrorDetail(str(detail), code)]})


def _build(kind: type[Answer], code: str, members: dict[str, Any]) -> Answer:
    """The problem as a response. The member `retry_after` is `Retry-After` too."""
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
    answer = kind(body, status=problem.status, headers=headers, content_type=MEDIA_TYPE)
    answer.problem_code = code  # type: ignore[attr-defined]  # for the metrics: a HEAD loses its body
    return answer


def _malformed(error: signin.MalformedCode) -> str:
    if error.length is None:
        return _("A code has 4 or 10 digits.")
    return _("The code has %(length)d digits.") % {"length": error.length}


def _unreadable(error: exceptions.ParseError) -> str:
    """The parser's error in the language of the request; the parsers' own messages are English."""
    if isinstance(error, JSONInForm):
        return _(
            "The body was read as a form, as its Content-Type says. Send JSON with Content-Type: application/json."
        )
    if isinstance(error.__context__, JSONDecodeError):
        place = {"line": error.__context__.lineno, "column": error.__context__.colno}
        return _("This is not JSON: see line %(line)d, column %(column)d.") % place
    return _("The body cannot be read as what its Content-Type says.")


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
