"""The admin's page about a code that did not arrive."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.db.models import Model, Value
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.support.accounts import SignedInUser, registered
from tests.support.login_steps import ask, right
from tests.support.operators import at_work, helper, operator, page_of
from users.clock import StatementTimestamp
from users.models import LoginCode, SmsDelivery, SmsGateway, User

pytestmark = pytest.mark.django_db
ALLOWED = ("view_user", "view_smsdelivery")
LINK = "Why did the code not arrive?"


@pytest.fixture
def support(db: None) -> Client:
    return helper(*ALLOWED)


def diagnosis_of(user: User) -> str:
    return page_of(user.pk, "diagnosis")


def read(browser: Client, user: User) -> str:
    return browser.get(diagnosis_of(user)).content.decode()


@pytest.fixture
def failing(settings: Any) -> None:
    settings.DEMO, settings.SMS_GATEWAYS = False, ["webhook+http://user:secret@127.0.0.1:9/"]


def test_page_shows_the_outcome_of_a_code(support: Client, failing: None) -> None:
    asked = ask(now=timezone.now())
    SmsDelivery.objects.update(state="failed", error="1 webhook: HTTP 500")
    SmsGateway.objects.create(
        name="1 webhook", failures=3, error="HTTP 500", circuit_open_until=timezone.now() + timedelta(minutes=1)
    )

    page = read(support, User.objects.get(phone="+79991234567"))

    for said in (
        "+7***4567",
        "No gateway accepted the last SMS before its code expired.",
        "No. 1 (webhook): HTTP 500",
        "The gateway has a problem; details below.",
        "Ask its provider whether there is a fault.",
        "The user is not verified",
        "the resend interval after the last SMS is not over",
    ):
        assert said in page
    assert right(asked.challenge_id) not in re.sub(r"<[^>]*>", "", page).split()
    assert not re.findall(r"999\D?123\D?45\D?67|secret", page)
    assert not LogEntry.objects.exists()
    assert page.index("What now") < page.index("The gateway has a problem") < page.index("Latest SMS</h2>")


@pytest.mark.parametrize(
    ("seconds_left", "open_tries", "said"),
    [
        (
            276,
            {"1 webhook": 2},
            "Each gateway was tried twice without a clear answer, so the last SMS may have been sent.",
        ),
        (0, {"1 webhook": 1, "2 webhook": 0}, "One gave no clear answer, so the SMS may have been sent."),
        (0, {"1 webhook": 0}, "before its code expired. Why: No. 1 (webhook): no answer.</li>"),
        (0, None, "before its code expired. Why: No. 1 (webhook): no answer.</li>"),
    ],
)
def test_sms_that_may_have_been_sent_is_said_to_be_so(
    support: Client, failing: None, seconds_left: int, open_tries: Any, said: str
) -> None:
    ask(now=timezone.now())
    ended = LoginCode.objects.get().expires_at - timedelta(seconds=seconds_left)
    SmsDelivery.objects.update(state="failed", error="1 webhook: no_answer", open_tries=open_tries, finished_at=ended)

    assert said in read(support, User.objects.get(phone="+79991234567"))


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("queued", "no gateway has accepted it yet. Why: No. 1 (webhook): not sent to this country."),
        ("sent", "The gateway accepted the last SMS"),
        ("failed", "before its code expired. Why: No. 1 (webhook): not sent to this country."),
        ("dropped", "its code expired before a gateway was tried"),
    ],
)
def test_last_state_is_described_with_what_gateways_said(support: Client, failing: None, state: str, said: str) -> None:
    ask(now=timezone.now())
    SmsDelivery.objects.update(state=state, error="1 webhook: region")

    assert said in read(support, User.objects.get(phone="+79991234567"))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"is_active": False}, "The user is disabled"),
        ({"erased_at": timezone.now(), "phone": None}, "The user is erased"),
    ],
)
def test_state_of_the_user_is_shown(support: Client, values: dict[str, Any], said: str) -> None:
    user = registered("9991234567").user
    User.objects.filter(pk=user.pk).update(**values)

    assert said in read(support, user)


def test_demo_mode_is_shown_now_and_afterwards(support: Client, alice: SignedInUser, settings: Any) -> None:
    SmsDelivery.objects.update(state="sent", gateway="demo")
    assert "Demo mode: no SMS is sent" in read(support, alice.profile.user)

    settings.DEMO = False

    page = read(support, alice.profile.user)
    assert "Demo mode: no SMS is sent" not in page
    assert "requested in demo mode: it is in the log" in page


def test_queue_without_a_worker_is_reported(support: Client, failing: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE procrastinate_workers CASCADE")
        ask(now=timezone.now())
        SmsDelivery.objects.update(next_try_at=StatementTimestamp() - Value(timedelta(seconds=90)))

    page = read(support, User.objects.get(phone="+79991234567"))

    assert "No worker is running: nothing is sent." in page
    assert re.search(r"the first one for 0:01:3\d", page)


def test_sends_to_known_devices_are_marked(support: Client, alice: SignedInUser) -> None:
    alice.profile.user.devices.update(user_agent="")
    assert read(support, alice.profile.user).count("<td>unknown client") == 1

    ask(phone=f"+7{alice.phone}", device_token=alice.device_token, now=timezone.now())

    page = read(support, alice.profile.user)
    assert page.count(">unknown client") == 2


def test_page_is_translated(support: Client, alice: SignedInUser) -> None:
    answer = support.get(diagnosis_of(alice.profile.user), HTTP_ACCEPT_LANGUAGE="ru")

    assert "Почему не пришёл код?" in answer.content.decode()


def test_link_to_the_page_needs_its_permissions(alice: SignedInUser) -> None:
    user = alice.profile.user

    for number, permissions in enumerate([ALLOWED, ALLOWED[:1]]):
        browser = at_work(operator(f"999111999{number}", *permissions))
        assert (diagnosis_of(user) in browser.get(page_of(user.pk)).content.decode()) == (number == 0)


@pytest.mark.parametrize("missing", ALLOWED)
def test_page_needs_both_permissions(alice: SignedInUser, missing: str) -> None:
    browser = at_work(operator("9991119998", *(set(ALLOWED) - {missing})))

    assert browser.get(diagnosis_of(alice.profile.user)).status_code == 403
    assert Client().get(diagnosis_of(alice.profile.user)).status_code == 302


def test_page_is_read_only(support: Client, alice: SignedInUser) -> None:
    assert support.post(diagnosis_of(alice.profile.user)).status_code == 405
    assert support.get(page_of(9999999999, "diagnosis")).status_code == 404


def test_number_of_statements_does_not_depend_on_the_sends(support: Client, alice: SignedInUser) -> None:
    user = alice.profile.user
    with CaptureQueriesContext(connection) as few:
        read(support, user)

    for _ in range(30):
        SmsDelivery.objects.create(login_code=user.login_codes.get(), created_at=timezone.now())

    with CaptureQueriesContext(connection) as many:
        read(support, user)
    assert len(many) == len(few) <= 15


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("8 999 123-45-68", "No user has this number"),
        ("+44 7400 123456", "PHONE_REGIONS does not include"),
        ("12", "Nobody is found by this text"),
    ],
)
def test_search_without_a_result_explains_why(support: Client, alice: SignedInUser, typed: str, said: str) -> None:
    assert said in support.get("/admin/users/user/", {"q": typed}).content.decode()


@pytest.mark.parametrize("typed", ["", "8 999 111-00-01"])
def test_search_with_a_result_has_no_explanation(support: Client, alice: SignedInUser, typed: str) -> None:
    page = support.get("/admin/users/user/", {"q": typed})

    assert page.context["no_user"] == ""
    assert page.context["cl"].result_count


@pytest.mark.parametrize("model", [SmsDelivery, LoginCode])
def test_sms_and_code_lead_to_their_user_and_the_diagnosis(support: Client, model: type[Model]) -> None:
    ask(now=timezone.now())
    pk, user = model.objects.get().pk, User.objects.get(phone="+79991234567")  # type: ignore[attr-defined]
    path = f"/admin/users/{model._meta.model_name}/{pk}/change/"

    page = at_work(operator("9991119996", *ALLOWED, "view_logincode")).get(path).text
    without = at_work(operator("9991119995", f"view_{model._meta.model_name}")).get(path).text

    assert f'<a href="{page_of(user.pk)}">User</a>' in page and f'<a href="{diagnosis_of(user)}">{LINK}</a>' in page
    assert LINK not in without and ">User</a>" not in without


def test_page_says_what_to_do_now(support: Client, alice: SignedInUser, failing: None) -> None:
    assert "Start a worker first: <code>manage.py worker</code>." in read(support, alice.profile.user)

    User.objects.filter(pk=alice.profile.pk).update(is_active=False)

    assert "until the user is enabled. Tell a superuser." in read(support, alice.profile.user)
    other = at_work(operator("9991119996", *ALLOWED, "change_user"))
    assert f'/{alice.profile.pk}/enable/">Enable the user first</a>' in read(other, alice.profile.user)


def test_new_code_is_not_advised_for_a_number_that_gets_no_sms(support: Client, failing: None) -> None:
    ask(now=timezone.now())
    user = User.objects.get(phone="+79991234567")
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (clock_timestamp())")
    SmsDelivery.objects.update(state="failed", error="1 webhook: region")
    assert "the gateways need repair (see below)" in read(support, user)

    SmsDelivery.objects.update(state="failed", error="1 webhook: number")

    page = read(support, user)
    assert "Check the number with the user first" in page and "the gateways need repair" not in page
