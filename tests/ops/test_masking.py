"""What is hidden in text that clients write, and which ids of theirs are kept."""

import re
import secrets
import uuid
from typing import Any

import pytest

from tests.support.accounts import client
from tests.support.wsgi_client import thread_seconds
from users.masks import hide_digits, is_safe_id, mask_host, mask_phones, mask_tokens, mask_user_agent, mask_written


@pytest.mark.parametrize(
    "written", ["9991234567", "+79991234567", "89991234567", "tel:+79991234567", "123456789012345"]
)
def test_masked_phone_keeps_four_digits(written: str) -> None:
    masked = mask_phones(f"for {written}, at 12:00")

    assert written[-11:] not in masked
    assert f"***{written[-4:]}, at 12:00" in masked


@pytest.mark.parametrize("kept", ["12.3 ms", "404", "123456789", "1234567890123456", "2030-01-02 12:00:00,123"])
def test_other_numbers_are_not_masked(kept: str) -> None:
    assert mask_phones(kept) == kept


@pytest.mark.parametrize(
    "given",
    [
        *(
            "79997654321",
            "12345678",
            "7-999-765-43-21",
            "7_999_765_43_21",
            "phone-79997654321",
            "u79997654321u",
            "a1234567",
        ),
        *("00000000-0000-4000-8000-079997654321", "0" * 32, "1234567890", "tel-7-6-5-4-3-2-1"),
        *("OwJ6DlOlNX5XBSK1CIAJYRn1tTV2I7h2-8fDudBFTrQ", "Qm9iX3NheXNfaGVsbG8hIQ"),
    ],
)
def test_request_id_that_may_be_a_phone_a_code_or_a_token_is_not_kept(given: str) -> None:
    assert client().get("/api/nowhere", HTTP_X_REQUEST_ID=given)["X-Request-ID"] != given


def test_request_ids_of_programs_are_kept() -> None:
    made = [str(uuid.uuid1()), "01ARZ3NDEKTSV4RRFFQ69G5FAV", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"]
    for _ in range(1000):
        made += [str(uuid.uuid4()), str(uuid.uuid4()).upper(), secrets.token_hex(16)]

    # About one in three million has no letter, as a number has none. It gets another id.
    assert all(is_safe_id(one) for one in made if re.search("[a-f]", one, re.IGNORECASE))


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("192.168.1.5:8000", "192.168.1.5:8000"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("[fd00::7]:8000", "[fd00::7]:8000"),
        ("79997654321.example.org", "***.example.org"),
        ("10.0.0.1:79997654321", "10.0.0.1:***"),
        ("+7 999 765-43-21", "***"),
        ("79.997.654.321", "***"),
        ("https://a:79997:65432:1", "https://a:***"),
        ("a:79997-654321", "a:***"),
    ],
)
def test_host_shows_digits_only_of_addresses_and_ports(written: str, shown: str) -> None:
    assert mask_host(written) == shown


@pytest.mark.parametrize(
    "mask", [hide_digits, is_safe_id, mask_host, mask_user_agent, mask_phones, mask_tokens, mask_written]
)
@pytest.mark.parametrize("text", ["1 ", "1", "1___", "eyJa.", "a", "receipts", "-", "1.", "/"])
def test_masking_takes_linear_time(mask: Any, text: str) -> None:
    assert thread_seconds(lambda: mask(text * (8000 // len(text))), repeated=3) < 0.02


def test_name_of_a_module_in_a_traceback_is_shown() -> None:
    assert mask_tokens("File /x/sync_psycopg_connector.py, line 1") == "File /x/sync_psycopg_connector.py, line 1"
    assert mask_tokens("GET /sms/recipts/Qm9iX3NheXNfaGVsbG8hIQ 404") == "GET /sms/recipts/*** 404"


@pytest.mark.parametrize("spelled", ["79997654321", "+7 (999) 765-43-21", "7_999_765_43_21"])
def test_name_of_a_client_has_no_phone(spelled: str) -> None:
    assert mask_user_agent(f"App/1.0 {spelled}") == "App/1.0 ***4321"


@pytest.mark.parametrize(
    "name",
    [
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.6099.230 Safari/537.36",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
        "Dalvik/2.1.0 (Linux; U; Android 14; SM-S918B Build/UP1A.231005.007)",
        "Instagram 309.0.0.28.111 Android (33/13; 420dpi; 1080x2194; samsung; SM-S918B; qcom; ru_RU; 533450710)",
    ],
)
def test_names_of_usual_clients_are_kept(name: str) -> None:
    assert mask_user_agent(name) == name
