"""What operators type to find users: a phone in any spelling, its last four digits, or a user's id.

The last digits find no more than masks show. `users.operators.phone_searches` logs and counts them all the same.
"""

import re

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from users import phones, typed
from users.models import LAST_DIGITS, User

# `profiles.admin` adds the invite codes.
HELP = _("A phone number in any spelling, its last four digits, an invite code or the id of a user.")

# The most users that one text finds, the newest ones: the last digits of phones are those of one user in 10,000.
MOST_USERS = 1_000

# As they are typed, or as a mask shows them: +7***4567.
_LAST_DIGITS = re.compile(rf"(?:\+[0-9]\*+)?([0-9]{{{LAST_DIGITS}}})", re.ASCII)

# Ids are 64-bit numbers.
_ID = re.compile("[1-9][0-9]{0,17}", re.ASCII)

# A number with more digits is taken for a phone.
LONGEST_ID = 7

# Longer texts are not read: cleaning them takes quadratic time.
_LONGEST = 80


def part_of_a_phone(text: str) -> str:
    """The E.164 phone that is searched for, or its last digits. Empty if the text has neither."""
    if phone := phones.normalise_or_empty(text):
        return phone
    found = _LAST_DIGITS.fullmatch(typed.clean(text[:_LONGEST]))
    return found[1] if found else ""


def find(text: str) -> list[int]:
    """The ids of the users who are searched for. A text with two meanings finds the users of both."""
    part = part_of_a_phone(text)
    if part.startswith("+"):
        return list(User.objects.filter(phone=part).values_list("pk", flat=True))
    found = list(User.objects.filter(pk__in=_ids(text)).values_list("pk", flat=True))
    if part:
        found += User.objects.with_last_digits(part).order_by("-pk").values_list("pk", flat=True)[:MOST_USERS]
    return found


def _ids(text: str) -> list[int]:
    """The id that the text is, alone or as the pages name it: 22, #22, user 22, erased user, ID 22."""
    plain = typed.clean(text[:_LONGEST]).lower()
    for name in (gettext("erased user"), str(User._meta.verbose_name), ",", "#", "№", "id"):
        plain = plain.removeprefix(typed.clean(name).lower())
    return [int(plain)] if _ID.fullmatch(plain) else []


def why_nobody(text: str) -> str:
    """What it means that a search for this text finds no user. Empty for a text that finds one by its phone."""
    try:
        if not text.strip() or User.objects.filter(phone=phones.normalise(text)).exists():
            return ""
    except phones.InvalidPhone:
        if sum(one.isdigit() for one in text) <= LONGEST_ID:
            return gettext("Nobody is found by this text. Write the phone number in full if it is one.")
        return gettext("This is not a mobile phone number. No code is sent to it.")
    except phones.RegionNotAllowed:
        return gettext("PHONE_REGIONS does not include the country of this number. No code is sent to it.")
    return gettext(
        "No user has this number. Check it with the user. If it is right, its requests were refused, or the user was"
        " erased or changed to another number, or the number was never verified and was deleted after a month."
    )
