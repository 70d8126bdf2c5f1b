"""One function cleans what people type, wherever they type it: `typed.json` has the cases."""

from io import StringIO
from typing import Any
from urllib.parse import quote, urlencode

import phonenumbers
import pytest
from django.core.management import call_command
from django.test import Client

from profiles import invite_codes
from profiles.models import Profile
from tests.support.accounts import SignedInUser, client, registered
from tests.support.login_steps import right, set_code
from tests.support.operators import at_work
from tests.support.typed import CASES
from users import phones, typed
from users.login import codes
from users.models import Challenge, User

FORM = "application/x-www-form-urlencoded"
PROFILES, ME = "/api/v1/profiles", "/api/v1/profiles/me"


@pytest.mark.parametrize("text, expected", CASES["cleaned"])
def test_text_is_cleaned_as_the_table_says(text: str, expected: str) -> None:
    assert typed.clean(text) == expected
    assert typed.clean(typed.clean(text)) == expected


@pytest.mark.parametrize("text, expected", CASES["phones"])
def test_phone_is_read_as_the_table_says(text: str, expected: str) -> None:
    assert phones.normalise(text) == expected


@pytest.mark.parametrize("text, expected", CASES["invite_codes"])
def test_invite_code_is_read_as_the_table_says(text: str, expected: str | None) -> None:
    if expected:
        assert invite_codes.normalise(text) == expected
    else:
        with pytest.raises(invite_codes.MalformedInviteCode):
            invite_codes.normalise(text)


@pytest.mark.django_db
def test_sign_in_takes_phone_and_code_as_people_type_them() -> None:
    nonce = next(nonce for nonce in iter(codes.new_nonce, None) if codes.derive(nonce, codes.SHORT) == "0042")
    for n, (text, expected) in enumerate(CASES["codes"]):
        asked = client().post("/api/auth/signup", {"phone": f"99912300{n:02}"}).json()["challenge_id"]
        set_code(asked, nonce=nonce)
        assert right(asked) == expected

        answer = client().post("/api/auth/login", {"code": text, "challenge_id": asked})

        assert (text, answer.status_code) == (text, 200)
    for text, expected in CASES["phones"]:
        Challenge.objects.all().delete()
        assert client().post("/api/auth/signup", {"phone": text}).status_code == 200
        assert Challenge.objects.get().login_code.user.phone == expected


@pytest.mark.django_db
def test_everything_that_reads_an_invite_code_takes_it_as_people_type_it(
    alice: SignedInUser, staff: SignedInUser
) -> None:
    valid = [(text, code) for text, code in CASES["invite_codes"] if code]
    operator = at_work(User.objects.get(phone=f"+7{staff.phone}"))
    for text, code in valid:
        Profile.objects.filter(user__phone=f"+7{alice.phone}").update(invite_code=code)

        found = staff.api.get(PROFILES, {"invite_code": text}).json()
        page = Client().get(f"/i/{quote(code if '/' in text else text)}")
        listed = operator.get("/admin/profiles/profile/", {"q": text}).content.decode()
        own = alice.activate(text)

        assert [row["invite_code"] for row in found["results"]] == [code], text
        assert page.status_code == 200 and f'data-invite-code="{code}"' in page.content.decode(), text
        assert f">{code}</a>" in listed, text
        assert own.json()["code"] == "own_invite_code", text


@pytest.mark.parametrize("end", [".", "\u200b", ".\u200b", " !", "\u2069)"])
def test_link_with_what_a_messenger_adds_still_works(end: str) -> None:
    assert 'data-invite-code="H7K3MX"' in Client().get(f"/i/{quote('H7K3MX' + end)}").content.decode()


@pytest.mark.django_db
def test_everything_that_searches_by_phone_takes_it_as_people_type_it(staff: SignedInUser) -> None:
    registered("9991234567")
    operator = at_work(User.objects.get(phone=f"+7{staff.phone}"))
    for text, _ in CASES["phones"]:
        found = staff.api.get(PROFILES, {"phone": text}).json()
        listed = operator.get("/admin/users/user/", {"q": text}).content.decode()

        assert [row["phone"] for row in found["results"]] == ["9991234567"], text
        assert "+7***4567" in listed, text


@pytest.mark.django_db
def test_operator_is_made_and_logs_in_with_a_phone_as_people_type_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for text, phone in CASES["phones"][:3]:
        monkeypatch.setattr("sys.stdin", StringIO("a long enough password\n"))
        call_command("createsuperuser", text, stdout=StringIO())
        browser = Client()

        browser.post("/admin/login/", {"username": text, "password": "a long enough password"})

        assert browser.get("/admin/").status_code == 200, text
        assert User.objects.get(is_superuser=True).phone == phone
        User.objects.all().delete()


def sign_up_by_form(body: str) -> Any:
    return client().post("/api/auth/signup", body, content_type=FORM)


@pytest.mark.parametrize(
    "text", ["+8 999 123-45-67", "++8 999 123-45-67", "9991234567+", "+7+9991234567", "tel:", "[]"]
)
def test_phone_that_may_be_a_strangers_is_refused(text: str) -> None:
    with pytest.raises(phones.InvalidPhone):
        phones.normalise(text)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "phone",
    [
        "+79991234567",
        "+7 999 123-45-67",
        "(+7) 999 123-45-67",
        "++7 999 123-45-67",
        "+ 7 (999) 123 45 67",
        "%2B79991234567",
    ],
)
def test_plus_sign_of_a_form_is_found_again(phone: str) -> None:
    assert sign_up_by_form(f"phone={phone}".replace(" ", "+")).status_code == 200

    assert User.objects.get().phone == "+79991234567"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "phone",
    ["+9607712345", "+960 771 2345", "%209607712345", "%2B9607712345", "++9607712345", "(+960)771-2345",
     "%E2%80%AA+9607712345%E2%80%AC", "%EF%BB%BF+9607712345", "%C2%A0+9607712345", "%09+9607712345", "-+9607712345",
     "%E3%80%80+(960) 771-2345", "tel:+9607712345"],
)  # fmt: skip
def test_lost_plus_sign_does_not_reach_a_stranger(phone: str, settings: Any) -> None:
    answer = sign_up_by_form(f"phone={phone}".replace(" ", "+"))
    assert (answer.status_code, answer.json()["code"]) == (400, "region_not_allowed")
    code = client().post("/api/auth/login", f"code=1234&phone={phone}".replace(" ", "+"), content_type=FORM)
    assert code.json()["code"] == "region_not_allowed"

    settings.PHONE_REGIONS = list(phonenumbers.SUPPORTED_REGIONS)

    assert sign_up_by_form(f"phone={phone}".replace(" ", "+")).status_code == 200
    assert User.objects.get().phone == "+9607712345"


@pytest.mark.django_db
@pytest.mark.parametrize("phone", ["+9151234567", "+ 9991234567", " 8 (999) 123-45-67"])
def test_number_that_is_none_with_its_plus_sign_is_refused(phone: str) -> None:
    answer = sign_up_by_form(urlencode({"phone": phone.replace("+", " ")}))

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_phone")
    assert not User.objects.exists()


@pytest.mark.django_db
def test_multipart_form_is_read_alike() -> None:
    answer = client().post("/api/auth/signup", {"phone": " 9607712345"}, format="multipart")

    assert answer.json()["code"] == "region_not_allowed"


@pytest.mark.django_db
@pytest.mark.parametrize("phone", [" 9607712345", "9607712345", 9607712345])
def test_space_in_json_is_a_space(phone: Any) -> None:
    assert client().post("/api/auth/signup", {"phone": phone}).status_code == 200
    assert User.objects.get().phone == "+79607712345"


@pytest.mark.django_db
def test_plus_sign_of_a_query_is_found_again(staff: SignedInUser) -> None:
    registered("9607712345")

    def found(query: str) -> Any:
        answer = staff.api.get(f"{PROFILES}?phone={query}").json()
        return answer.get("code") or [row["phone"] for row in answer["results"]]

    assert found("+79607712345") == found("%2B79607712345") == found("9607712345") == ["9607712345"]
    assert found("+9607712345") == "region_not_allowed"
    assert found("%20%208%20960%20771-23-45") == ["9607712345"]
