"""How the text of an SMS is encoded, and cut into parts if it is too long for one (3GPP TS 23.038 and 23.040).

`smpplib.gsm` does this too, but it changes some characters, such as the backtick, and can cut an emoji in two.
"""

from zlib import crc32

from gsm0338 import Codec

_GSM = Codec()

# Octets in a single SMS, and in each of several beside their header: of the GSM alphabet, where each becomes seven bits
# on its way to the phone, and of UCS-2.
_GSM_SIZES, _UCS2_SIZES = (160, 153), (140, 134)

# The header of a part counts the parts in one octet.
MOST_PARTS = 255


class TooLong(Exception):
    """The text does not fit into MOST_PARTS."""


def is_gsm(text: str) -> bool:
    """Whether every character is in the GSM alphabet. Otherwise the SMS is sent as UCS-2."""
    try:
        _GSM.encode(text)
    except UnicodeEncodeError:
        return False
    return "\x1b" not in text  # it only begins the two octets of other characters


def parts(text: str) -> int:
    """How many SMS the text takes."""
    return len(split(text, gsm=is_gsm(text)))


def split(text: str, *, gsm: bool) -> list[bytes]:
    """The octets of each part. None ends within a character that has two or four octets."""
    single, several = _GSM_SIZES if gsm else _UCS2_SIZES
    if len(whole := _octets(text, gsm)) <= single:
        return [whole]
    found = [b""]
    for character in text:
        octets = _octets(character, gsm)
        if len(found[-1]) + len(octets) > several:
            found.append(b"")
        found[-1] += octets
    return found


def with_headers(octets: list[bytes], message_id: str) -> list[bytes]:
    """The parts with the headers from which the phone puts them together (TS 23.040, 9.2.3.24.1). Raises TooLong.

    The number that the parts have in common follows from the id of the SMS, so parts of two tries fit together.
    """
    if len(octets) > MOST_PARTS:
        raise TooLong
    common = crc32(message_id.encode()) & 0xFF
    return [bytes([5, 0, 3, common, len(octets), place]) + part for place, part in enumerate(octets, start=1)]


def _octets(text: str, gsm: bool) -> bytes:
    return bytes(_GSM.encode(text)[0]) if gsm else text.encode("utf-16-be", "replace")
