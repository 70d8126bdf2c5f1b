"""The built-in page: a static client of the API, in the browser's language."""

from contextlib import suppress
from functools import cache
from io import BytesIO
from pathlib import Path

import phonenumbers
import segno
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_cookie
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from profiles import invite_codes

MODULES = sorted(f"page/{file.name}" for file in Path(__file__).with_name("static").glob("page/*.js"))


@require_safe
@gzip_page  # the response has no secret that its size could reveal
@cache_control(private=True, no_cache=True)
@vary_on_cookie
def page(request: HttpRequest, invite_code: str = "") -> HttpResponse:
    """The page, with the code of a share link. A GET never activates it: link previews send GETs too."""
    code = _normalised(invite_code)
    context = {
        "site_url": settings.SITE_URL,
        "page_url": invite_codes.share_url(code) if code else f"{settings.SITE_URL}/",
        "phone_example": _phone_example(settings.PHONE_REGION),
        "calling_code": phonenumbers.country_code_for_region(settings.PHONE_REGION),
        "modules": MODULES,
        "invite_code": code,
        "broken_link": bool(invite_code) and not code,
        "code_pattern": invite_codes.PATTERN,
    }
    return render(request, "page/page.html", context, status=404 if context["broken_link"] else 200)


@require_safe
@cache_control(public=True, max_age=24 * 3600)
def qr(request: HttpRequest, invite_code: str) -> HttpResponse:
    """The share link as a QR code. It is drawn here, so that no other service sees invite codes."""
    code = _normalised(invite_code)
    if not code:
        raise Http404
    image = BytesIO()
    segno.make(invite_codes.share_url(code), error="m").save(image, kind="svg", scale=8, light="#fff")
    return HttpResponse(image.getvalue(), content_type="image/svg+xml")


@require_safe
@cache_control(public=True, max_age=3600)
def how_to_check(request: HttpRequest, name: str) -> HttpResponse:
    """The program that checks published results, or the page that explains it, as in the source code."""
    content = Path(settings.BASE_DIR, "docs", name).read_bytes()
    return HttpResponse(content, content_type="text/plain; charset=utf-8")


@cache
def _phone_example(region: str) -> str:
    """A mobile number of this region, as people write it. Some regions have none."""
    number = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
    return phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL) if number else ""


def _normalised(invite_code: str) -> str:
    with suppress(invite_codes.MalformedInviteCode):
        return invite_codes.normalise(invite_code)
    return ""
