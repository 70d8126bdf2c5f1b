"""The text of the SMS, and whether it fits one SMS."""

from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.core.checks import run_checks
from django.utils import timezone
from hypothesis import strategies as st

from inviting_app import env
from inviting_app.values import origin
from tests.support.login_steps import ask, right
from users.models import LoginCode, User
from users.sms.encoding import parts
from users.sms.text import Kind, compose, message, notice

# The longest host name with which the default texts fit: 25 characters.
HOST = "invite.friends.example.ru"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def site(settings: Any) -> None:
    settings.SITE_URL = f"https://{HOST}:8443"


def text_for(**asked: Any) -> str:
    ask(**asked)
    return message(LoginCode.objects.select_related("user").get(), 1).text


def test_message_begins_with_the_code_and_ends_in_the_line_that_browsers_read() -> None:
    asked = ask()

    text = message(LoginCode.objects.get(), 1).text

    code = right(asked.challenge_id)
    assert text == f"{code} is your sign-in code. Never share it.\n\n@{HOST} #{code}"


def test_long_code_is_shown_in_two_groups_and_whole_in_the_last_line() -> None:
    text = compose("1234567890", "en")

    assert text == f"12345 67890 is your sign-in code. Never share it.\n\n@{HOST} #1234567890"


@pytest.mark.parametrize(
    ("last_line", "end"),
    [
        ("origin", f"Never share it.\n\n@{HOST} #1234"),
        ("none", "Never share it."),
        ("android:FA+9qCX9VSu", "Never share it.\n\nFA+9qCX9VSu"),
    ],
)
def test_last_line_is_the_configured_one(last_line: str, end: str, settings: Any) -> None:
    settings.SMS_LAST_LINE = last_line

    assert compose("1234", "en").endswith(end)


def test_international_host_is_in_punycode_in_the_last_line(settings: Any) -> None:
    settings.SITE_URL = origin("https://друзья.рф")

    assert compose("1234", "ru").endswith("\n\n@xn--d1ag0am0cs.xn--p1ai #1234")


def test_message_is_in_the_language_of_the_request() -> None:
    english, russian = (compose("1234", language) for language in ("en", "ru"))

    assert english.isascii()
    assert "код" in russian
    assert english.splitlines()[1:] == russian.splitlines()[1:]


def test_user_who_signed_in_before_is_warned_of_a_new_device() -> None:
    first = text_for()
    User.objects.update(verified_at=timezone.now())

    again = message(LoginCode.objects.select_related("user").get(), 1).text

    assert "new device" in again
    assert "new device" not in first


def test_known_device_gets_no_warning(alice: Any) -> None:
    alice.api.post("/api/auth/signup", {"phone": alice.phone, "device_token": alice.device_token})

    code = LoginCode.objects.select_related("user").latest("pk")

    assert code.device_id is not None
    assert "new device" not in message(code, 1).text


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("digits", ["0000", "0000000000"])
@pytest.mark.parametrize("kind", Kind)
def test_default_texts_fit_one_sms_with_a_host_of_ordinary_length(language: str, digits: str, kind: Kind) -> None:
    text = compose(digits, language, kind)

    assert parts(text) == 1


@pytest.mark.parametrize(("language", "words"), [("en", "new number"), ("ru", "номер")])
def test_notice_of_a_changed_phone_fits_one_sms_and_has_no_digits(language: str, words: str) -> None:
    text = notice(language)

    assert parts(text) == 1
    assert words in text and HOST in text
    assert not any(letter.isdigit() for letter in text)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà" * 3, 1),
        ("€" * 80, 1),
        ("€" * 80 + "a", 2),
        ("[]{}\\~^|" * 10 + "a", 2),
        ("ж" * 70, 1),
        ("ж" * 71, 2),
        ("ж" * 134, 2),
        ("ж" * 135, 3),
        ("a" * 69 + "`", 1),
        ("a" * 70 + "`", 2),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
    ],
)
def test_parts_are_counted_as_networks_count_them(text: str, count: int) -> None:
    assert parts(text) == count


@hypothesis.settings(deadline=None)
@hypothesis.given(st.text(max_size=400))
def test_parts_of_any_text_are_counted(text: str) -> None:
    assert 1 <= parts(text) <= 12


def test_sms_text_replaces_the_sentence_only(settings: Any) -> None:
    settings.SMS_TEXT = {"en": "Shop: {code} (100%)"}

    assert compose("1234567890", "en", Kind.NEW_DEVICE).startswith("Shop: 12345 67890 (100%)\n\n@")
    assert "Shop" not in compose("1234", "ru", Kind.NEW_DEVICE)


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        ("Shop: {code}", {"en": "Shop: {code}", "ru": "Shop: {code}"}),
        ("PIN={code}", {"en": "PIN={code}", "ru": "PIN={code}"}),
        ("Shop | code={code}", {"en": "Shop | code={code}", "ru": "Shop | code={code}"}),
        ("en=Shop: {code}|ru=Магазин: {code}", {"en": "Shop: {code}", "ru": "Магазин: {code}"}),
        ("ru = Код {code} = вход", {"ru": "Код {code} = вход"}),
    ],
)
def test_sms_text_is_one_text_or_one_for_each_language(given: str, texts: dict[str, str]) -> None:
    assert env.sms_text(given) == texts


@pytest.mark.parametrize(
    "given", ["Your code", "{code} {code}", "{code} for {phone}", "{{code}}", "en=Shop: {code}|ru=Магазин"]
)
def test_text_without_one_place_for_the_code_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match=r"must have \{code\} once"):
        env.sms_text(given)


@pytest.mark.parametrize(
    ("given", "name"),
    [("de={code}", "de"), ("en={code}|fr-FR={code}", "fr-FR"), ("en={code}|en={code}", "en"), ("ru={code}|Hi", "Hi")],
)
def test_text_for_an_unknown_language_is_refused(given: str, name: str) -> None:
    with pytest.raises(ValueError, match=f"'{name}' must be en or ru, each once"):
        env.sms_text(given)


@pytest.mark.parametrize("character", "\0\x1b\x7f\x9b\u202e\u2066")
def test_control_characters_are_refused(character: str) -> None:
    with pytest.raises(ValueError, match="no control characters"):
        env.sms_text(f"Shop: {character}{{code}}")


@pytest.mark.parametrize("text", ["Shop:\n{code}\t", "👩\u200d👧\ufe0f {code}", "\u200eКод\u00a0{code}"])
def test_emoji_and_line_breaks_are_kept(text: str) -> None:
    assert env.sms_text(text)["ru"] == text


def test_check_accepts_the_default_texts() -> None:
    assert [found for found in run_checks() if found.id == "users.W001"] == []


def test_check_warns_of_a_text_that_takes_two_sms(settings: Any) -> None:
    settings.SMS_TEXT = {"ru": "Ваш код для входа на сайт: {code}. Никому его не сообщайте!"}

    [found] = [found for found in run_checks() if found.id == "users.W001"]

    assert "ru, 4 digits" in found.msg and "ru, 10 digits" in found.msg
    assert "en, " not in found.msg


def test_check_warns_of_a_host_too_long_for_russian(settings: Any) -> None:
    settings.SITE_URL = f"https://{'long' * 10}.example.org"

    [found] = [found for found in run_checks() if found.id == "users.W001"]

    assert "ru, 10 digits, a new device: 2 parts" in found.msg


def test_check_warns_of_characters_that_a_gateway_cannot_send(settings: Any, tmp_path: Path) -> None:
    settings.SMS_PROVIDERS = tmp_path / "own.toml"
    table = """[{0}]
        title = "Own"
        docs = "https://example.org"
        needs = ["user"]
        charset = "{1}"
        [{0}.send]
        url = "https://api.example.org"
        {2} = {{ to = "{{digits}}", text = "{{text}}" }}
        accepted = {{ ok = 1 }}
        """
    kinds = [("old", "windows-1251", "form"), ("new", "utf-8", "form"), ("any", "windows-1251", "json")]
    settings.SMS_PROVIDERS.write_text("\n".join(table.format(*kind) for kind in kinds))
    settings.SMS_GATEWAYS = ["new://k@", "old://k@", "any://k@", "smpp://a:b@127.0.0.1"]
    settings.SMS_TEXT = {"ru": "Код {code}", "en": "{code} 😀→😀"}

    [found] = [found for found in run_checks() if found.id == "users.W003"]

    assert found.msg.startswith("Gateway 2 old cannot send the SMS with the code: windows-1251 lacks")
    assert found.msg.endswith("(en: 😀→).")
