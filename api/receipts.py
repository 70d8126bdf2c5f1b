"""Where providers send delivery receipts. No operation of the API: each provider has a form of its own."""

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from users.sms import receipts
from users.sms.inbound import Inbound


@csrf_exempt
@never_cache
@require_http_methods(["GET", "POST"])
def receive(request: HttpRequest, token: str) -> HttpResponse:
    """Take the receipts of the gateway with this token. Providers repeat those that are answered with a 503."""
    seen: list[tuple[str, str, float]] = []
    try:
        inbound = Inbound(request.path, request.META.get("QUERY_STRING", ""), request.headers, request.body)
        answer = receipts.take(token, inbound, lambda *one: seen.append(one))
    except receipts.UnknownToken:
        raise Http404 from None
    except receipts.Forged:
        raise PermissionDenied from None
    except UnreadablePostError:  # the provider went away
        return HttpResponse(status=400)
    response = HttpResponse(answer, content_type="text/plain; charset=utf-8")
    response.receipts = seen  # type: ignore[attr-defined]  # for the metrics
    return response
