"""The page that the `type` of a problem names, for client developers."""

import json
import re
from collections import defaultdict
from functools import cache
from typing import Any, NamedTuple

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.functional import Promise
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import cache_control
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_cookie
from drf_spectacular.generators import SchemaGenerator

from api import exceptions
from api.examples import PROBLEM_MEMBERS
from api.problem_codes import PROBLEMS

WORDS = {
    "codes": _("Problem codes"),
    "document": _("API document"),
    "intro": _(
        "Whatever the API refuses, it answers in one form: a problem as of RFC 9457. Programs go by its `code`, which "
        "is stable. Its `detail` is for people, in the language that `Accept-Language` asks for."
    ),
    "meaning": _("What happened"),
    "remedy": _("What the client does"),
    "example": _("The answer"),
    "operations": _("Which operations answer so"),
    "all": _("Every operation may."),
    "none": _("None of its own: it answers what is no operation, or tells of a defect."),
}


class Operation(NamedTuple):
    """An operation of the API document, as a page links to it."""

    method: str
    path: str
    summary: str
    tag: str
    operation_id: str


@require_safe
@gzip_page  # nothing secret is in it
@cache_control(private=True, no_cache=True)
@vary_on_cookie
def index(request: HttpRequest) -> HttpResponse:
    """All codes."""
    return render(request, "problems/index.html", {"words": _words(), "problems": PROBLEMS})


@require_safe
@gzip_page
@cache_control(private=True, no_cache=True)
@vary_on_cookie
def problem(request: HttpRequest, code: str) -> HttpResponse:
    """What one code means, what to do about it, and which operations answer it."""
    if code not in PROBLEMS:
        raise Http404
    context = {
        "words": _words(),
        "code": code,
        "problem": PROBLEMS[code],
        "meaning": _with_code(PROBLEMS[code].meaning),
        "remedy": _with_code(PROBLEMS[code].remedy),
        "answer": _answer(code),
        "operations": _operations()[code],
        "of_all": _operations()[code] == _operations()["unavailable"],
    }
    return render(request, "problems/problem.html", context)


@cache
def _operations() -> dict[str, list[Operation]]:
    """For each code, the operations that the OpenAPI document says may answer it."""
    found = defaultdict(list)
    document = SchemaGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]
    for place, methods in document["paths"].items():
        for method, told in methods.items():
            operation = Operation(method.upper(), place, told["summary"], told["tags"][0], told["operationId"])
            for code in _codes(told):
                found[code].append(operation)
    return {code: found[code] for code in PROBLEMS}


def _codes(operation: dict[str, Any]) -> set[str]:
    answers = [answer.get("content", {}).get(exceptions.MEDIA_TYPE, {}) for answer in operation["responses"].values()]
    return {example["value"]["code"] for answer in answers for example in answer.get("examples", {}).values()}


def _answer(code: str) -> str:
    """The response as it is sent, but with indented JSON."""
    response = exceptions.response(code, **PROBLEM_MEMBERS.get(code, {}))
    head = [f"HTTP/1.1 {response.status_code} {response.reason_phrase}"]
    head += [f"{name}: {value}" for name, value in response.items()]
    return "\n".join([*head, "", json.dumps(json.loads(response.content), indent=2, ensure_ascii=False)])


def _words() -> dict[str, SafeString]:
    return {name: _with_code(word) for name, word in WORDS.items()}


def _with_code(text: str | Promise) -> SafeString:
    """The text as HTML: what stands between backticks becomes code."""
    return mark_safe(re.sub("`(.+?)`", r"<code>\1</code>", escape(str(text))))  # noqa: S308


urlpatterns = [path("", index, name="problems"), path("/<str:code>", problem, name="problem")]
