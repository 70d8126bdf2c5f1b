"""The page that the `type` of a problem names, for client developers."""

import json
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import get_language
from django.utils.translation import gettext_noop as N_
from django.views.decorators.cache import cache_control
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_cookie

from api import docs, exceptions
from api.examples import problem_members
from api.problem_codes import PROBLEMS

# The OpenAPI document has them in English, from the docstrings. The pages translate them.
OPERATIONS = (
    N_("All profiles"),
    N_("Everything held on you"),
    N_("Who activated your code"),
    N_("Your profile"),
    N_("Activate another user's invite code"),
    N_("Erase the account"),
    N_("One profile"),
    N_("Sign in with the code"),
    N_("End the session"),
    N_("Exchange a refresh token for a new pair"),
    N_("Request a sign-in code"),
    N_("Confirm the new number with its code"),
    N_("Request a code for a new phone"),
    N_("The file of the results"),
    N_("The published results"),
    N_("The voting period"),
    N_("Your devices"),
    N_("End all your devices"),
    N_("End one of your devices"),
)


@require_safe
@gzip_page  # nothing secret is in it
@cache_control(private=True, no_cache=True)
@vary_on_cookie
def index(request: HttpRequest) -> HttpResponse:
    """All codes."""
    return render(request, "problems/index.html", {"problems": PROBLEMS})


@require_safe
@gzip_page
@cache_control(private=True, no_cache=True)
@vary_on_cookie
def problem(request: HttpRequest, code: str) -> HttpResponse:
    """What one code means, what to do about it, and which operations answer it."""
    if code not in PROBLEMS:
        return render(request, "problems/unknown.html", status=404)
    all_operations = _operations()
    operations = [operation for operation in all_operations if _may_answer(operation, code)]
    context = {
        "code": code,
        "problem": PROBLEMS[code],
        "answer": _answer(code),
        "operations": operations,
        "of_all": operations == all_operations,
    }
    return render(request, f"problems/codes/{code}.html", context)


def _operations() -> list[dict[str, Any]]:
    """The operations of the OpenAPI document, each with its path and method."""
    document = docs.document(get_language() or settings.LANGUAGE_CODE)
    return [
        {"path": path, "method": method.upper(), **operation}
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def _may_answer(operation: dict[str, Any], code: str) -> bool:
    return any(f"/problems/{code})" in answer["description"] for answer in operation["responses"].values())


def _answer(code: str) -> str:
    """The response as it is sent, but with indented JSON."""
    response = exceptions.response(code, **problem_members(code))
    head = [f"HTTP/1.1 {response.status_code} {response.reason_phrase}"]
    head += [f"{name}: {value}" for name, value in response.items()]
    return "\n".join([*head, "", json.dumps(json.loads(response.content), indent=2, ensure_ascii=False)])


urlpatterns = [
    path("", index, name="problems"),
    path("/", index),
    path("/<str:code>", problem, name="problem"),
    path("/<str:code>/", problem),
]
