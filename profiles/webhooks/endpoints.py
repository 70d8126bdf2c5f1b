"""What becomes of deliveries and endpoints, by answers of receivers and by operators."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from profiles.webhooks import messages
from profiles.webhooks.answers import Answer
from profiles.webhooks.models import TEST, WebhookDelivery, WebhookEndpoint
from users import retention
from users.clock import DAY
from users.queries import database_now

QUEUED, DELIVERED, FAILED = WebhookDelivery.State

# The most enabled endpoints. Requests at the same moment may exceed it. Each event is a row for each endpoint: those of
# a vote are inserted while other votes for the same code wait. The worker, which sends the SMS too, tries all of them.
MOST = 20
# For this time after a new secret, the one before signs too.
PREVIOUS_SECRET_FOR = DAY
# How long deliveries are kept, also those that wait for their endpoint to be enabled again.
DELIVERIES_FOR = 14 * DAY
# An endpoint that has failed for this time needs attention. Most receivers that restart are back by then.
FAILS_FOR = timedelta(minutes=10)
# The reason with which an endpoint is disabled whose receiver answers 410.
GONE = "HTTP 410 Gone"


def are_enough() -> bool:
    """Whether no more endpoints may be enabled."""
    return WebhookEndpoint.objects.filter(is_enabled=True).count() >= MOST


def delivered(delivery: WebhookDelivery, answer: Answer) -> None:
    """Record a success, whoever has claimed the delivery meanwhile."""
    waiting = WebhookDelivery.objects.filter(pk=delivery.pk, state=QUEUED)
    waiting.update(state=DELIVERED, status=answer.status, error="", finished_at=Now())
    if delivery.endpoint.failing_since:
        WebhookEndpoint.objects.filter(pk=delivery.endpoint_id).update(failing_since=None, error="")


def failed(delivery: WebhookDelivery, until: datetime, answer: Answer, interval: timedelta | None) -> None:
    """Record a failure, and when the next try is due: after the interval, or never. It counts while the claim lives.

    A receiver that is gone gets nothing more.
    """
    claimed = WebhookDelivery.objects.filter(pk=delivery.pk, state=QUEUED, next_try_at=until)
    result = {"status": answer.status, "error": answer.code}
    if interval is None:
        claimed.update(state=FAILED, finished_at=Now(), **result)
    else:
        claimed.update(next_try_at=Now() + interval, **result)
    endpoint = WebhookEndpoint.objects.filter(pk=delivery.endpoint_id)
    if answer.is_gone:
        endpoint.filter(is_enabled=True).update(is_enabled=False, disabled_reason=GONE)
    if not delivery.endpoint.failing_since:
        endpoint.filter(failing_since=None).update(failing_since=Now())
    if delivery.endpoint.error != answer.code:
        endpoint.update(error=answer.code)


def failing(now: datetime) -> QuerySet[WebhookEndpoint]:
    """Enabled endpoints that have failed for FAILS_FOR, and those that their receivers disabled."""
    since = now - FAILS_FOR
    enabled = WebhookEndpoint.objects.filter(is_enabled=True, failing_since__lt=since)
    return (enabled | WebhookEndpoint.objects.filter(is_enabled=False, disabled_reason=GONE)).order_by("pk")


def todo(endpoint: WebhookEndpoint, *, on_its_page: bool = False) -> str:
    """What an operator does about an endpoint that does not work, in the current language. Empty if it works."""
    if endpoint.is_enabled and endpoint.failing_since:
        later = _("Events are tried for three days. Later they can be sent again.")
        if endpoint.error.startswith("HTTP "):
            asked = _("Ask whoever runs the receiver why it answers %(answer)s.") % {"answer": endpoint.error}
        else:
            asked = _("Ask whoever runs the receiver.")
        return f"{asked} {later}"
    if not endpoint.is_enabled and endpoint.disabled_reason == GONE:
        if on_its_page:
            return _(
                "Enable it if this was a mistake. If the receiver is gone for good, write that below in “Why it is"
                " disabled” and save: the notice then leaves the overview."
            )
        return _(
            "Enable it if this was a mistake. If the receiver is gone for good, write that on the webhook's page in"
            " “Why it is disabled” and save: the notice then leaves the overview."
        )
    return ""


def todo_about(delivery: WebhookDelivery) -> tuple[str, str]:
    """What an operator does about this delivery, in the current language: first what takes no permission."""
    if delivery.state == DELIVERED:
        return _("Nothing: the receiver has it."), ""
    if not delivery.endpoint.is_enabled:
        return _("Its webhook is disabled."), _("Enable it if the receiver still wants events.")
    if delivery.state == FAILED:
        asked = _("Send the answer above to whoever runs the receiver, so that they can fix it.")
        return asked, _("Then send the event again.")
    if delivery.attempts:
        waited = _("Wait: it is tried for three days.")
        return waited, _("If the receiver works again, send it again to try it at once.")
    return _("Wait: a worker sends it in a moment."), ""


def replace_secret(endpoint: WebhookEndpoint) -> str:
    """Give the endpoint a new secret, and return it. The one before signs too, for PREVIOUS_SECRET_FOR."""
    with transaction.atomic():
        locked = WebhookEndpoint.objects.select_for_update(no_key=True).get(pk=endpoint.pk)
        locked.previous_nonce, locked.previous_until = locked.nonce, database_now() + PREVIOUS_SECRET_FOR
        locked.nonce = uuid.uuid4()
        locked.save(update_fields=["nonce", "previous_nonce", "previous_until"])
    return messages.secret(locked.nonce)


def send_test(endpoint: WebhookEndpoint) -> bool:
    """Send an event without a meaning. False if the endpoint is disabled."""
    if not endpoint.is_enabled:
        return False
    WebhookDelivery.objects.create(endpoint=endpoint, kind=TEST, data={})
    return True


def send_again(deliveries: Iterable[int]) -> int:
    """Make these deliveries due now, whatever became of them, with all tries before them. Returns how many there are.

    The receiver knows by the same `webhook-id` that it may have the event already.
    """
    again = WebhookDelivery.objects.filter(pk__in=list(deliveries))
    return again.update(state=QUEUED, attempts=0, next_try_at=Now(), finished_at=None)


def delete_old_deliveries(now: datetime) -> None:
    old = WebhookDelivery.objects.filter(created_at__lt=now - DELIVERIES_FOR)
    retention.in_batches(old, QuerySet.delete)
