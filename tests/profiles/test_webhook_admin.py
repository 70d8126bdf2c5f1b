"""Operators set up webhooks, see what became of events, and send them again."""

import re
from typing import Any

import pytest
from django.test import Client

from profiles.admin import webhooks
from profiles.models import WebhookDelivery, WebhookEndpoint
from profiles.webhooks import endpoints
from tests.support.operators import at_work, helper, logged, operator
from tests.support.webhooks import Receiver, deliver, endpoint, secret_of, verified
from users import events
from users.queries import database_now

pytestmark = pytest.mark.django_db
LIST, DELIVERIES = "/admin/profiles/webhookendpoint/", "/admin/profiles/webhookdelivery/"
MANAGES = ("view_webhookendpoint", "change_webhookendpoint", "view_webhookdelivery")
URL = "https://receiver.example.org/hook"


@pytest.fixture
def manager() -> Client:
    return helper(*MANAGES)


def filled(url: str, **values: Any) -> dict[str, Any]:
    return {"url": url, "events": ["user.verified"], "is_enabled": "on", **values}


def act(browser: Client, where: str, action: str, *chosen: int) -> Any:
    return browser.post(where, {"action": action, "_selected_action": chosen}, follow=True)


def shown_secret(response: Any) -> str:
    return re.findall("whsec_[A-Za-z0-9+/=]+", response.text)[0]


def test_secret_is_shown_once_and_signs(manager: Client, receiver: Receiver) -> None:
    secret = shown_secret(manager.post(f"{LIST}add/", filled(receiver.url)))
    target = WebhookEndpoint.objects.get()
    events.emit("user.verified", {"user_id": 1})
    deliver()

    assert verified(secret, receiver.messages[0])["data"] == {"user_id": 1}
    assert (target.url, target.events, target.is_enabled) == (receiver.url, ["user.verified"], True)
    pages = "".join(manager.get(path).text for path in (LIST, f"{LIST}{target.pk}/change/"))
    assert "whsec_" not in pages and secret not in pages


def test_new_secret_is_made_for_one_webhook_at_a_time(manager: Client) -> None:
    first, second = endpoint(URL), endpoint(URL)
    before = secret_of(first)

    assert "whsec_" not in act(manager, LIST, "new_secret", first.pk, second.pk).text
    made = shown_secret(act(manager, LIST, "new_secret", first.pk))

    first.refresh_from_db()
    assert made == secret_of(first) != before
    assert first.previous_until and first.previous_until > database_now()
    assert logged() == ["Made a new secret."]


def test_url_that_cannot_be_used_is_refused(manager: Client) -> None:
    assert "Leave out the user" in manager.post(f"{LIST}add/", filled("https://me:pw@example.org/")).text
    assert not WebhookEndpoint.objects.exists()


def test_no_more_are_enabled_than_every_vote_can_wait_for(manager: Client) -> None:
    hooks = [endpoint(URL) for _ in range(endpoints.MOST)]
    assert "At most 20 webhooks" in manager.post(f"{LIST}add/", filled(URL)).text
    disabled = {"url": URL, "events": ["user.verified"], "disabled_reason": "moved"}
    assert manager.post(f"{LIST}{hooks[0].pk}/change/", disabled).status_code == 302
    shown_secret(manager.post(f"{LIST}add/", filled(URL)))

    assert "At most 20 webhooks" in manager.post(f"{LIST}{hooks[0].pk}/change/", filled(URL)).text
    assert manager.post(f"{LIST}{hooks[1].pk}/change/", filled(f"{URL}/new")).status_code == 302
    assert WebhookEndpoint.objects.filter(is_enabled=True).count() == endpoints.MOST


def test_disabled_webhook_has_a_reason_and_loses_it_with_its_failures(manager: Client) -> None:
    target = endpoint(URL, failing_since=database_now(), error="HTTP 500")
    path = f"{LIST}{target.pk}/change/"

    assert "Give a reason if the webhook is disabled" in manager.post(path, filled(URL, is_enabled="")).text
    manager.post(path, filled(URL, is_enabled="", disabled_reason="moves"))
    target.refresh_from_db()
    assert (target.is_enabled, target.disabled_reason) == (False, "moves")
    assert "is disabled, so nothing was sent" in act(manager, LIST, "send_test", target.pk).text
    manager.post(path, filled(URL, disabled_reason="moves"))

    target.refresh_from_db()
    assert (target.is_enabled, target.disabled_reason, target.failing_since, target.error) == (True, "", None, "")


def test_test_is_sent_and_a_delivery_again_with_the_same_id(manager: Client, receiver: Receiver) -> None:
    target = endpoint(receiver.url)
    assert "A test is on its way" in act(manager, LIST, "send_test", target.pk).text
    deliver()
    [row] = WebhookDelivery.objects.all()

    assert "Events that are sent again: 1." in act(manager, DELIVERIES, "send_again", row.pk).text
    deliver()

    assert [event["type"] for event in receiver.events] == ["webhook.test", "webhook.test"]
    assert len({message["webhook-id"] for message in receiver.messages}) == 1


def test_all_of_a_long_list_are_as_many_as_it_says(manager: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "COUNTED_ROWS", 2)
    target = endpoint(URL)
    rows = [WebhookDelivery.objects.create(endpoint=target, kind="webhook.test", data={}, attempts=1) for _ in range(3)]
    form = {"action": "send_again", "_selected_action": rows[0].pk, "select_across": "1"}

    assert "Events that are sent again: 2." in manager.post(DELIVERIES, form, follow=True).text
    assert [*WebhookDelivery.objects.order_by("pk").values_list("attempts", flat=True)] == [1, 0, 0], "the newest"
    assert logged() == ["Sent it again."] * 2


def test_failed_delivery_is_sent_again_from_its_page(manager: Client, receiver: Receiver) -> None:
    endpoints.send_test(endpoint(receiver.url))
    WebhookDelivery.objects.update(state="failed", finished_at=database_now(), error="HTTP 500")
    row = WebhookDelivery.objects.get()
    path = f"{DELIVERIES}{row.pk}/change/"
    page, russian = manager.get(path).text, manager.get(path, headers={"accept-language": "ru"}).text
    assert "Then send the event again." in page and "не доставлено" in russian
    form = re.search(rf'<form method="post" action="{DELIVERIES}">(.*?)</form>', page, re.DOTALL)
    assert form and "Send again" in form[1]

    answer = manager.post(DELIVERIES, dict(re.findall('name="([^"]+)" value="([^"]+)"', form[1])), follow=True)

    assert answer.redirect_chain == [(path, 302)] and "Events that are sent again: 1." in answer.text
    assert "Sent it again." in manager.get(f"{DELIVERIES}{row.pk}/history/").text
    deliver()
    assert 'value="Send again"' not in manager.get(path).text
    assert 'value="Send again"' not in at_work(operator("9991119996", "view_webhookdelivery")).get(path).text


def test_deliveries_tell_what_became_of_them(manager: Client, receiver: Receiver) -> None:
    endpoint(f"{receiver.url}?token=s3cret")
    receiver.status = 500
    events.emit("user.erased", {"user_id": 7})
    deliver()

    page = manager.get(f"{DELIVERIES}?state=queued&endpoint__id__exact={WebhookEndpoint.objects.get().pk}").text
    assert "user.erased" in page and "HTTP 500" in page and "s3cret" not in page
    assert "user.erased" not in manager.get(f"{DELIVERIES}?state=failed").text
    assert "user_id" in manager.get(f"{DELIVERIES}{WebhookDelivery.objects.get().pk}/change/").text


@pytest.mark.parametrize("condition", ["nonce__startswith=a", "url__contains=s3cret", "events=x", "deliveries__gte=1"])
def test_list_takes_no_condition_in_its_address(manager: Client, condition: str) -> None:
    assert manager.get(f"{LIST}?{condition}").status_code == 400


def test_webhook_is_deleted_only_without_deliveries(manager: Client) -> None:
    target = endpoint(URL)
    endpoints.send_test(target)
    assert manager.post(f"{LIST}{target.pk}/delete/", {"post": "yes"}).status_code == 403

    WebhookDelivery.objects.all().delete()
    page = manager.get(f"{LIST}{target.pk}/delete/").text
    assert "What is lost: the address" in page and 'value="Delete the webhook"' in page
    assert "sure you want" not in page
    assert manager.post(f"{LIST}{target.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not WebhookEndpoint.objects.exists()


def test_who_may_only_see_changes_nothing() -> None:
    target = endpoint(URL)
    endpoints.send_test(target)
    viewer = helper("view_webhookendpoint", "view_webhookdelivery")

    assert viewer.get(f"{LIST}add/").status_code == viewer.post(f"{LIST}add/", filled(URL)).status_code == 403
    assert viewer.post(f"{LIST}{target.pk}/change/", filled(URL)).status_code == 403
    for where, action in ((LIST, "new_secret"), (LIST, "send_test"), (DELIVERIES, "send_again")):
        assert action not in viewer.get(where).text
        viewer.post(where, {"action": action, "_selected_action": target.pk})
    target.refresh_from_db()
    assert target.previous_nonce is None and WebhookDelivery.objects.count() == 1
    assert at_work(operator("9991119996", "view_user")).get(LIST).status_code == 403


def test_who_may_not_change_webhooks_is_told_to_tell_a_superuser(manager: Client) -> None:
    gone = endpoint(URL, is_enabled=False, disabled_reason=endpoints.GONE)
    failed = WebhookDelivery.objects.create(
        endpoint=endpoint(URL), kind="user.verified", data={}, state="failed", finished_at=database_now()
    )
    viewer = at_work(operator("9991119996", "view_webhookendpoint", "view_webhookdelivery"))
    pages = {f"{LIST}{gone.pk}/change/": "Enable it", f"{DELIVERIES}{failed.pk}/change/": "Then send the event again."}

    for page, todo in pages.items():
        assert todo in manager.get(page).text
        assert todo not in (seen := viewer.get(page).text) and "Tell a superuser." in seen


def test_list_marks_failing_webhooks_and_a_page_leads_to_deliveries(manager: Client) -> None:
    works = endpoint(URL)
    endpoint(URL, failing_since=database_now(), error="timeout")
    endpoint(URL, is_enabled=False, disabled_reason="moves")

    listed = manager.get(LIST).text
    page = manager.get(f"{LIST}{works.pk}/change/").text

    for marked in ('good">enabled', 'bad">failing', '">disabled: moves'):
        assert listed.count(f'<span class="outcome {marked}<') == 1
    assert f'href="{DELIVERIES}?endpoint__id__exact={works.pk}"' in page
    assert (
        DELIVERIES not in at_work(operator("9991119996", "view_webhookendpoint")).get(f"{LIST}{works.pk}/change/").text
    )


def test_page_says_what_to_do_and_the_list_finds_what_was_delivered(manager: Client) -> None:
    hook = endpoint(URL)
    WebhookDelivery.objects.create(
        endpoint=hook, kind="user.verified", data={}, state="delivered", finished_at=database_now()
    )
    page, advice = f"{LIST}{hook.pk}/change/", "Ask whoever runs the receiver."

    assert advice not in manager.get(page).text
    WebhookEndpoint.objects.update(failing_since=database_now(), error="timeout")
    assert advice in manager.get(page).text
    WebhookEndpoint.objects.update(error="HTTP 503")
    assert "Ask whoever runs the receiver why it answers HTTP 503." in manager.get(page).text
    assert "<h1>New webhook</h1>" in manager.get(f"{LIST}add/").text
    counts = [
        len(manager.get(f"{DELIVERIES}?state={one}").context["cl"].result_list) for one in ("delivered", "failed")
    ]
    assert counts == [1, 0]
