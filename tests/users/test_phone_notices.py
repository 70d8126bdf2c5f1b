"""The SMS that tells a phone that its user has changed to another one."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models import F

from tests.support.http_gateway import Gateway
from tests.support.login_steps import PHONE, ask, set_code
from tests.support.run_worker import retry_now, send
from users.login.challenges import send_notice
from users.models import LoginCode, SmsDelivery, User
from users.queries import database_now
from users.sms import gateways
from users.sms.answers import Answer, Message, Reason
from users.sms.queries import NOTICE_FOR

pytestmark = pytest.mark.django_db(transaction=True)
BEFORE = "+79265550199"


def notified(language: str = "en") -> SmsDelivery:
    """A notice for BEFORE about a change to PHONE, by a code that was used."""
    now = database_now()
    asked = ask(changing_user_id=7, language=language, now=now)
    set_code(asked.challenge_id, used_at=now, closed_at=now, expires_at=now)
    SmsDelivery.objects.update(state="sent")
    with transaction.atomic():
        send_notice(LoginCode.objects.get(), BEFORE, now)
    return SmsDelivery.objects.get(state="queued")


def test_code_and_notice_say_what_they_are_for(gateway: Gateway) -> None:
    ask(changing_user_id=7, now=database_now())
    send()
    SmsDelivery.objects.all().delete()
    LoginCode.objects.all().delete()
    sms = notified("ru")
    # A second change gives the codes of the number before to a tombstone.
    User.objects.update(phone=None, erased_at=database_now())

    send()

    code, notice = gateway.messages
    assert (code["to"], notice["to"]) == (PHONE, BEFORE)
    assert "makes this your number" in code["text"] and code["code"] in code["text"]
    assert "code" not in notice and "номер" in notice["text"]
    assert not any(digit.isdigit() for digit in notice["text"])
    sms.refresh_from_db()
    assert (sms.state, sms.notice_phone, sms.address) == ("sent", None, "+7***0199")


def test_notice_is_tried_for_an_hour_and_forgets_the_phone_then(gateway: Gateway) -> None:
    sms = notified()
    gateway.status = 503
    send()
    sms.refresh_from_db()
    assert (sms.state, sms.notice_phone, sms.failed_rounds) == ("queued", BEFORE, 1)

    SmsDelivery.objects.update(created_at=F("created_at") - NOTICE_FOR + timedelta(minutes=1))
    retry_now()
    send()
    assert len(gateway.messages) == 2
    SmsDelivery.objects.update(created_at=F("created_at") - timedelta(minutes=1))
    retry_now()
    send()

    sms.refresh_from_db()
    assert (sms.state, sms.notice_phone, len(gateway.messages)) == ("failed", None, 2)


def test_provider_with_a_template_of_its_own_sends_no_notice(settings: Any) -> None:
    """It would send its text for sign-in codes, without a code."""
    own = gateways.parse("1 msg91", "msg91://KEY@?template=T1", "")
    notice = Message(BEFORE, "Your account has a new number", "", "1")

    assert not own.takes_text
    assert own.begin(notice).answer() == Answer(Reason.TEXT)
    others = ["smsc://a:b@", "webhook+https://example.com/", "smpp://a:b@h:2775"]
    assert all(gateways.parse("1", url, "X").takes_text for url in others)
