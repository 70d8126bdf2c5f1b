"""SMS to all known devices of a phone together: whoever reads its codes can replace devices without end."""

import pytest

from tests.support.login_steps import PHONE, answer, ask, at, set_code
from users.login import devices
from users.login.decisions import TooManyRequests
from users.login.tracks import DEVICE_SENDS, DEVICES_SENDS
from users.models import Device, LoginCode, SmsDelivery, User

pytestmark = pytest.mark.django_db
OTHER = "+79990000001"
HOUR = 3600
DAY = 24 * HOUR


def sent_to_known_devices(since: float = 0) -> int:
    sent = SmsDelivery.objects.filter(login_code__device__isnull=False, created_at__gt=at(since))
    return sent.count()


def use_up(token: str, start: float, phone: str = PHONE) -> float:
    """Request an SMS for the device of this token as often as it gets one. Returns the time after the last."""
    while True:
        try:
            asked = ask(start, phone, device_token=token)
        except TooManyRequests:
            return start
        if LoginCode.objects.get(attached__public_id=asked.challenge_id).device_id is None:
            return start
        set_code(asked.challenge_id, challenges=0)  # requests alone would end the short codes first
        start += max(asked.resend_in, 1)


def test_devices_replaced_without_end_get_twenty_sms_a_day_together() -> None:
    now = 0.0
    while now < DAY - 3 * HOUR:
        try:
            asked = ask(now)
        except TooManyRequests as refusal:
            now += refusal.retry_after
            continue
        now = use_up(answer(asked, now).device_token, now + 1)
        if devices.listed(User.objects.get(), at(now)).count() == devices.TRUSTED_DEVICES:
            devices.revoke(
                User.objects.get(), Device.objects.filter(ended_at=None).earliest("signed_in_at").pk, at(now)
            )

    assert Device.objects.count() > 10
    assert sent_to_known_devices() == DEVICES_SENDS
    assert LoginCode.objects.filter(device=None).count() > DEVICES_SENDS  # the phone still gets codes


def test_devices_get_sms_again_after_a_day() -> None:
    tokens = [answer(ask(second), second).device_token for second in range(3)]
    for token in tokens:
        use_up(token, 10)
    assert sent_to_known_devices() == 2 * DEVICE_SENDS == DEVICES_SENDS

    assert LoginCode.objects.get(attached__public_id=ask(DAY - 1, device_token=tokens[0]).challenge_id).device is None
    use_up(tokens[2], 10 + DAY)

    assert sent_to_known_devices(DAY) > 0


def test_sms_whose_codes_signed_in_count_too() -> None:
    tokens = [answer(ask(second), second).device_token for second in range(2)]
    for number in range(1, DEVICES_SENDS + 1):
        answer(ask(HOUR * number, device_token=tokens[number % 2]), HOUR * number)
    assert sent_to_known_devices() == DEVICES_SENDS

    last = ask(HOUR * (DEVICES_SENDS + 1), device_token=tokens[0])

    assert last.sent
    assert sent_to_known_devices() == DEVICES_SENDS


def test_sms_to_devices_of_other_phones_do_not_count() -> None:
    for number in range(DEVICES_SENDS // DEVICE_SENDS):
        use_up(answer(ask(number, OTHER), number).device_token, 10, OTHER)
    assert sent_to_known_devices() == DEVICES_SENDS

    use_up(answer(ask()).device_token, 10)

    assert sent_to_known_devices() == DEVICES_SENDS + DEVICE_SENDS
