"""The one place that knows how phone numbers are written.

Numbers are stored in E.164 (`+79991234567`) and shown to people of the home region without the country's code, as ten
digits in Russia. What counts as a number comes from Google's libphonenumber data.
"""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress
from functools import lru_cache

import phonenumbers
from django.conf import settings
from phonenumbers import PhoneMetadata, PhoneNumber, PhoneNumberFormat, PhoneNumberType

# Characters of a typed number; the longest there are, spelled generously, have fewer.
MAX_LENGTH = 40

_SPELLING = re.compile(r"\+?[0-9\s()./-]+")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_DASHES = {ord(dash): "-" for dash in "‐‑‒–—―−"}
_REACHED_BY_SMS = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}


class InvalidPhone(ValueError):
    """The text is not a phone number that can receive an SMS."""


class RegionNotAllowed(ValueError):
    """A phone number of a country that this service does not send to."""


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
    if not _E164.fullmatch(phone):  # some countries' numbers with zeros in front come out longer
        raise InvalidPhone
    return phone


def normalise_or_empty(text: str) -> str:
    """The E.164 form of a typed phone, or nothing where the text is none that is served."""
    try:
        return normalise(text)
    except (InvalidPhone, RegionNotAllowed):
        return ""


def are_in(text: str) -> bool:
    """Whether phones are written somewhere in this text, in any usual spelling."""
    return any(phonenumbers.PhoneNumberMatcher(text, settings.PHONE_REGION))


def display(phone: str) -> str:
    """As people of the home region write it: `9991234567` for a Russian number in Russia, else E.164."""
    usual = _usual_numbers(settings.PHONE_REGION).fullmatch(phone)
    if usual:
        return usual[1]
    number = phonenumbers.parse(phone)
    if _region(number) == settings.PHONE_REGION:
        national = phonenumbers.national_significant_number(number)
        with suppress(InvalidPhone):
            if _parse(national) == number:  # in Russia 8 10 … would be read as a call abroad
                return national
    return phone


def display_all(phones: list[str]) -> list[str]:
    """As `display`, of many."""
    usual = _usual_numbers(settings.PHONE_REGION).fullmatch
    return [found[1] if (found := usual(phone)) else display(phone) for phone in phones]


def mask(phone: str) -> str:
    """For logs and records: `+7***4567`."""
    return f"{phone[:2]}***{phone[-4:]}"


def prefix(phone: str) -> str:
    """All but the last four digits: the block that a dishonest carrier pumps."""
    return phone[:-4]


def country(phone: str) -> str:
    """The region's two letters, such as `RU`."""
    home = settings.PHONE_REGION
    return home if _usual_numbers(home).fullmatch(phone) else _region(phonenumbers.parse(phone))


def _parse(text: str) -> PhoneNumber:
    if len(text) > MAX_LENGTH:  # before all else: normalising takes the square of the length
        raise InvalidPhone
    plain = (text if text.isascii() else _plain(text)).strip()
    if not _SPELLING.fullmatch(plain):
        raise InvalidPhone
    if plain.startswith("00"):
        plain = "+" + plain[2:]
    try:
        return phonenumbers.parse(plain, settings.PHONE_REGION)
    except phonenumbers.NumberParseException as error:
        raise InvalidPhone from error


def _plain(text: str) -> str:
    """Full-width digits and signs become plain ones, and marks of direction from address books go; letters stay."""
    plain = unicodedata.normalize("NFKC", text).translate(_DASHES)
    return "".join(character for character in plain if unicodedata.category(character) != "Cf")


def _can_receive_sms(number: PhoneNumber, region: str) -> bool:
    kind = phonenumbers.number_type(number)
    if kind == PhoneNumberType.UNKNOWN:
        return _fits_the_plan(number, region)
    return kind in _REACHED_BY_SMS


def _fits_the_plan(number: PhoneNumber, region: str) -> bool:
    """Whether a number of a range too new to have a type still follows its country's numbering plan."""
    metadata = PhoneMetadata.metadata_for_region(region, None)
    plan = metadata and metadata.general_desc
    national = phonenumbers.national_significant_number(number)
    return bool(
        plan and re.fullmatch(plan.national_number_pattern or "", national)
    ) and phonenumbers.is_possible_number(number)


@lru_cache(maxsize=1)
def _usual_numbers(home: str) -> re.Pattern[str]:
    """Mobile numbers of the home region in E.164, which need not be parsed to know them: a profile shows 50 phones.

    Only where it is the main region of its calling code, the one that libphonenumber tries first.
    """
    country_code = phonenumbers.country_code_for_region(home)
    metadata = PhoneMetadata.metadata_for_region(home)
    if phonenumbers.region_code_for_country_code(country_code) != home or not metadata or not metadata.mobile:
        return re.compile("(?!)")  # none
    return re.compile(rf"\+{country_code}({metadata.mobile.national_number_pattern})", re.ASCII)


def _region(number: PhoneNumber) -> str:
    """The number's country; for a range too new to be known, the main country of its calling code."""
    country_code = number.country_code or 0
    return phonenumbers.region_code_for_number(number) or phonenumbers.region_code_for_country_code(country_code)
