"""Phone numbers: how they are typed, stored and shown.

Numbers are stored in E.164 (`+79991234567`). Numbers of the home region are shown without the country code: with ten
digits in Russia. Google's libphonenumber data decides which numbers are valid.
"""

import re
import unicodedata
from contextlib import suppress
from functools import lru_cache

import phonenumbers
from django.conf import settings
from phonenumbers import PhoneMetadata, PhoneNumber, PhoneNumberFormat, PhoneNumberType

from users import typed

# The maximum length of a typed number, in characters. The longest real numbers are shorter, with any separators.
MAX_LENGTH = 40

# A number that `typed.clean` has cleaned. A copied link begins with `tel:`. Several plus signs mean the same as one.
_SPELLING = re.compile(r"(?:tel:)?(\+*)([0-9./]+)", re.IGNORECASE)
# What people and programs put around a number or its first digits: categories of brackets and quotes, and plain quotes.
_AROUND = {"Ps", "Pe", "Pi", "Pf", '"', "'"}
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_REACHED_BY_SMS = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}


class InvalidPhone(ValueError):
    """The text is not a phone number that can receive an SMS."""


class RegionNotAllowed(ValueError):
    """The phone number belongs to a region that PHONE_REGIONS does not allow."""


def normalise(text: str) -> str:
    """The E.164 form of any usual spelling of a mobile number.

    Raises InvalidPhone or RegionNotAllowed.
    """
    number = _parse(text)
    region = _region(number)
    if not _can_receive_sms(number, region):
        raise InvalidPhone
    if region not in settings.PHONE_REGIONS:
        raise RegionNotAllowed
    phone = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    # With leading zeros, numbers of some countries are longer. And the E.164 form of some is read as another number: in
    # Brazil, digits after the country code may be those of a carrier. One phone must not have two forms.
    if not _E164.fullmatch(phone) or phonenumbers.parse(phone) != number:
        raise InvalidPhone
    return phone


def normalise_or_empty(text: str) -> str:
    """The E.164 form of a typed phone, or an empty string if `normalise` would raise."""
    try:
        return normalise(text)
    except (InvalidPhone, RegionNotAllowed):
        return ""


def in_query(text: str) -> str:
    """A phone from a query string, where an unescaped `+` arrives as a space.

    The text stays as it is if a plus sign does not make it a number. That is safe here: a search sends no SMS.
    """
    with_plus = typed.with_lost_plus(text)
    try:
        normalise(with_plus)
    except InvalidPhone:
        return text
    except RegionNotAllowed:
        pass
    return with_plus


def are_in(text: str) -> bool:
    """Whether the text contains a phone number in any usual spelling."""
    return any(phonenumbers.PhoneNumberMatcher(text, settings.PHONE_REGION))


def display(phone: str) -> str:
    """The number as it is written in the home region: `9991234567` for a Russian number in Russia, otherwise E.164."""
    usual = _usual_numbers(settings.PHONE_REGION).fullmatch(phone)
    if usual:
        return usual[1]
    number = phonenumbers.parse(phone)
    if _region(number) == settings.PHONE_REGION:
        national = phonenumbers.national_significant_number(number)
        with suppress(InvalidPhone):
            if _parse(national) == number:  # in Russia 8 10 … would parse as a call abroad
                return national
    return phone


def display_all(phones: list[str]) -> list[str]:
    """`display` for a list."""
    usual = _usual_numbers(settings.PHONE_REGION).fullmatch
    return [found[1] if (found := usual(phone)) else display(phone) for phone in phones]


def national(phone: str) -> str:
    """The digits of an E.164 phone without its country code: `9991234567`."""
    return phonenumbers.national_significant_number(phonenumbers.parse(phone))


def mask(phone: str) -> str:
    """The masked form for the admin, logs and records: the first two and the last four characters, as `+7***4567`.

    Of a longer country code only the first digit is left: `+4***1234` for a British number.
    """
    return f"{phone[:2]}***{phone[-4:]}"


def is_test_number(phone: str) -> bool:
    """Whether SMS_TEST_NUMBERS has this E.164 phone. A user who had it before is no test user: see `User.is_test`."""
    return phone in settings.SMS_TEST_NUMBERS


def prefix(phone: str) -> str:
    """The number prefix: all but the last four digits. Fraudulent carriers pump SMS to one prefix."""
    return phone[:-4]


def country(phone: str) -> str:
    """The two-letter region code, such as `RU`."""
    home = settings.PHONE_REGION
    return home if _usual_numbers(home).fullmatch(phone) else _region(phonenumbers.parse(phone))


def _parse(text: str) -> PhoneNumber:
    if len(text) > MAX_LENGTH:  # checked first: normalising takes quadratic time
        raise InvalidPhone
    cleaned = typed.clean(text)
    bare = "".join(letter for letter in cleaned if _AROUND.isdisjoint({letter, unicodedata.category(letter)}))
    spelt = _SPELLING.fullmatch(bare)
    if not spelt:
        raise InvalidPhone
    pluses, plain = spelt.groups()
    if pluses:
        plain = "+" + plain
    elif plain.startswith("00"):
        plain = "+" + plain[2:]
    try:
        return phonenumbers.parse(plain, settings.PHONE_REGION)
    except phonenumbers.NumberParseException as error:
        raise InvalidPhone from error


def _can_receive_sms(number: PhoneNumber, region: str) -> bool:
    kind = phonenumbers.number_type(number)
    if kind == PhoneNumberType.UNKNOWN:
        return _fits_the_plan(number, region)
    return kind in _REACHED_BY_SMS


def _fits_the_plan(number: PhoneNumber, region: str) -> bool:
    """Whether a number without a type, from a new range, follows its country's numbering plan for mobile numbers.

    Plans also have longer numbers, such as those of services: Russia has some with 14 digits. No phone has these, but a
    gateway that reads the last ten digits would send the codes of a thousand of them to one phone.
    """
    metadata = PhoneMetadata.metadata_for_region(region, None)
    plan = metadata and metadata.general_desc
    national = phonenumbers.national_significant_number(number)
    return bool(
        plan and re.fullmatch(plan.national_number_pattern or "", national)
    ) and phonenumbers.is_possible_number_for_type(number, PhoneNumberType.MOBILE)


@lru_cache(maxsize=1)
def _usual_numbers(home: str) -> re.Pattern[str]:
    """Match mobile numbers of the home region in E.164 without parsing them: a profile shows 50 phones.

    Matches nothing if the home region is not the main region of its calling code, which libphonenumber tries first.
    """
    country_code = phonenumbers.country_code_for_region(home)
    metadata = PhoneMetadata.metadata_for_region(home)
    if phonenumbers.region_code_for_country_code(country_code) != home or not metadata or not metadata.mobile:
        return re.compile("(?!)")  # matches nothing
    return re.compile(rf"\+{country_code}({metadata.mobile.national_number_pattern})", re.ASCII)


def _region(number: PhoneNumber) -> str:
    """The number's region. For a new range that is not known yet, the main region of its calling code."""
    country_code = number.country_code or 0
    return phonenumbers.region_code_for_number(number) or phonenumbers.region_code_for_country_code(country_code)
