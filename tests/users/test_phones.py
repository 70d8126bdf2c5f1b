"""All usual spellings of a number are normalised to one."""

from typing import Any

import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from users import phones


@pytest.mark.parametrize(
    "text",
    [
        "9991234567",
        "79991234567",
        "89991234567",
        "+79991234567",
        "\u202a+7\u00a0999\u00a0123-45-67\u202c",
        "+7 999 123-45-67",
        "+7 (999) 123-45-67",
        "8 (999) 123 45 67",
        "8-999-123-45-67",
        "8 999 123–45—67",
        "999.123.45.67",
        "0079991234567",
        "  9991234567\n",
        "９９９１２３４５６７",
        "＋７（９９９）１２３－４５－６７",
        "+7\u00a0999\u00a0123\u00a045\u00a067",
    ],
)
def test_usual_spellings_are_one_number(text: str) -> None:
    assert phones.normalise(text) == "+79991234567"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "+",
        "999123456",
        "99912345678",
        "999123456789012345",
        "4951234567",  # a landline
        "88001234567",  # a free call
        "9991234567 ext. 5",
        "9991234567;ext=5",
        "9991234567#5",
        "tel:",
        "telephone:+79991234567",
        "999CALLNOW",
        "٩٩٩١٢٣٤٥٦٧x",
        "9991234567\x00",
        "++89991234567",
        "112",
        "9" * 10_000,
        "🕿",
    ],
)
def test_number_that_cannot_receive_sms_is_refused(text: str) -> None:
    with pytest.raises(phones.InvalidPhone):
        phones.normalise(text)


def test_other_countries_are_allowed_by_a_setting(settings: Any) -> None:
    american, kazakh = "+1 201 555 0123", "+7 701 234 56 78"
    for text in (american, kazakh):
        with pytest.raises(phones.RegionNotAllowed):
            phones.normalise(text)

    settings.PHONE_REGIONS = ["RU", "US", "KZ"]

    assert phones.normalise(american) == "+12015550123"
    assert phones.normalise(kazakh) == "+77012345678"


@pytest.mark.parametrize("text", ["+5509030100000", "+5509030000000"])
def test_number_whose_e164_form_is_another_number_is_refused(text: str, settings: Any) -> None:
    settings.PHONE_REGIONS = ["RU", "BR"]

    with pytest.raises(phones.InvalidPhone):
        phones.normalise(text)


def test_national_spelling_belongs_to_the_home_region(settings: Any) -> None:
    settings.PHONE_REGION, settings.PHONE_REGIONS = "US", ["US"]

    assert phones.normalise("(201) 555-0123") == "+12015550123"


def test_new_range_of_unknown_type_is_allowed_within_the_numbering_plan() -> None:
    assert phones.normalise("3001234567") == "+73001234567"
    with pytest.raises(phones.InvalidPhone):
        phones.normalise("1001234567")


@pytest.mark.parametrize("phone", ["+780009990055001", "+781239990055001", "+81009012345678", "+82001012345678"])
def test_untyped_number_longer_than_a_mobile_number_is_refused(phone: str, settings: Any) -> None:
    settings.PHONE_REGIONS = list(phonenumbers.SUPPORTED_REGIONS)

    with pytest.raises(phones.InvalidPhone):
        phones.normalise(phone)


def test_home_numbers_are_shown_as_ten_digits_and_others_in_e164() -> None:
    assert phones.display("+79991234567") == "9991234567"
    assert phones.display("+12015550123") == "+12015550123"
    assert phones.display("+77012345678") == "+77012345678"


@pytest.mark.parametrize("phone", ["+79991234567", "+78101000000"])
def test_shown_number_can_be_typed_again(phone: str, settings: Any) -> None:
    settings.PHONE_REGIONS = list(phonenumbers.SUPPORTED_REGIONS)

    assert phones.normalise(phones.display(phone)) == phone


def test_parts_for_records() -> None:
    assert phones.mask("+79991234567") == "+7***4567"
    assert phones.prefix("+79991234567") == "+7999123"
    assert phones.country("+79991234567") == "RU"
    assert phones.country("+77012345678") == "KZ"


@pytest.mark.parametrize("home", ["RU", "KZ", "US", "CA", "GB", "JE", "IT", "AR", "DE"])
def test_number_is_shown_the_same_with_and_without_parsing(home: str, settings: Any) -> None:
    settings.PHONE_REGION = home
    example = phonenumbers.example_number_for_type(home, PhoneNumberType.MOBILE)
    start = phonenumbers.format_number(example, PhoneNumberFormat.E164)[:-3]

    for end in range(0, 1000, 7):
        phone = f"{start}{end:03}"
        number = phonenumbers.parse(phone)
        is_home = phonenumbers.region_code_for_number(number) == home
        assert phones.display(phone) == (phonenumbers.national_significant_number(number) if is_home else phone)
        assert (phones.country(phone) == home) == is_home
