"""The page for people: a static client of the API, in the reader's language."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO
from pathlib import Path

import segno
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_cookie

from inviting_app.page.texts import SCRIPT_WORDS, WORDS
from profiles import invite_codes

MODULES = sorted(f"page/{file.name}" for file in Path(__file__).with_name("static").glob("page/*.js"))

# What chats take for a part of the link before it.
SENTENCE_ENDS = ".,;:!?)]»\"'"


@require_safe
@gzip_page  # nothing secret is in it
@cache_control(private=True, no_cache=True)
@vary_on_cookie
def page(request: HttpRequest, invite_code: str = "") -> HttpResponse:
    """The page; a share link's code is filled in and nothing more: people activate it, not previews of links."""
    code = _normalised(invite_code)
    context = {
        "words": WORDS,
        "script_words": {name: str(word) for name, word in SCRIPT_WORDS.items()},
        "modules": MODULES,
        "invite_code": code,
        "broken_link": bool(invite_code) and not code,
        "code_pattern": invite_codes.PATTERN,
    }
    return render(request, "page/page.html", context, status=404 if context["broken_link"] else 200)


@require_safe
@cache_control(public=True, max_age=24 * 3600)
def qr(request: HttpRequest, invite_code: str) -> HttpResponse:
    """The share link as a QR code, made here: no other service learns who invites whom."""
    code = _normalised(invite_code)
    if not code:
        raise Http404
    link = settings.SITE_URL + reverse("invitation", args=[code])
    image = BytesIO()
    segno.make(link, error="m").save(image, kind="svg", scale=8, light="#fff")
    return HttpResponse(image.getvalue(), content_type="image/svg+xml")


def _normalised(invite_code: str) -> str:
    with suppress(invite_codes.MalformedInviteCode):
        return invite_codes.normalise(invite_code.rstrip(SENTENCE_ENDS))
    return ""
