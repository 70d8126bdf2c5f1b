"""What people type or paste: phones, sign-in codes and invite codes.

Messengers, keyboards and address books change digits and dashes and add invisible characters. Everything that reads
such a text calls `clean` first. The page has the same rules in `page/typed.js`; one table of cases tests both.
"""

import re
import unicodedata

# Besides the dashes of Unicode (Pd): signs that look like one and are typed or pasted in place of it.
_DASHES = frozenset("˗⁃−─➖ー")

# The plus sign, and what NFKC makes one.
_PLUSES = "+⁺₊﬩﹢＋"

# Besides the spaces of Unicode (Z): the controls that separate words, lines and fields.
_SPACES = frozenset("\t\n\v\f\r\x1c\x1d\x1e\x1f\x85")

# Format characters (direction marks, joiners, soft hyphens), dashes and spaces.
_REMOVED = frozenset({"Cf", "Pd", "Zs", "Zl", "Zp"})

# Variation selectors and the keycap, which emoji keyboards put behind digits: `7️⃣`.
_MARKS = re.compile("[\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef\u20e3]")

# Cyrillic letters that look like Latin ones.
_LOOK_ALIKES = str.maketrans("АВЕКМНРСТУХавекмнрстух", "ABEKMHPCTYXabekmhpctyx")


def clean(text: str) -> str:
    """The text in compatibility form (NFKC), with ASCII digits, without dashes, spaces, invisible and emoji marks.

    Normalising takes quadratic time, so check the length of the text first.
    """
    return "".join(_clean(character) for character in _MARKS.sub("", unicodedata.normalize("NFKC", text)))


def latin(text: str) -> str:
    """The text with Latin letters in place of Cyrillic ones that look alike."""
    return text.translate(_LOOK_ALIKES)


def with_lost_plus(phone: str) -> str:
    """A phone from a form body, where an unescaped `+` arrives as a space.

    A space is a lost plus sign if it stands before the first digit, also behind a bracket or an invisible character, as
    in `(+960) 777-8899`.
    """
    first = next((place for place, character in enumerate(phone) if character.isnumeric()), 0)
    before, rest = phone[:first], phone[first:]
    is_lost = " " in before and not any(plus in before for plus in _PLUSES) and not clean(rest[:8]).startswith("00")
    return f"+{rest}" if is_lost else phone


def _clean(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    return "" if category in _REMOVED or character in _DASHES or character in _SPACES else character
