"""The encodings that Python looks up by the names that clients and providers write."""

import codecs
import encodings
import pkgutil
from encodings.aliases import aliases
from typing import Any

# A label in the name of a host has no more. Python decodes punycode in quadratic time, and a client can name it for
# each part of a body: that took 30 ms of a processor.
_LONGEST_PUNYCODE = 63

_KNOWN = frozenset({*aliases, *(module.name for module in pkgutil.iter_modules(encodings.__path__))})


def forget_unknown_names() -> None:
    """Let Python's own search see only the names of encodings that exist.

    It keeps each name that it does not find for ever, after an attempt to import it. A client can write thousands into
    one body: Django looks up the `utf-8` of each `name*=utf-8''value` in the heads of its parts.
    """
    codecs.register(_search)
    codecs.unregister(encodings.search_function)


def _search(name: str) -> codecs.CodecInfo | None:
    """As `codecs.register` says. Python has normalised the name, but for the dots."""
    if name.replace(".", "_") not in _KNOWN and name not in _KNOWN:
        return None
    found = encodings.search_function(name)
    return _short(found) if found and found.name == "punycode" else found


def _short(codec: codecs.CodecInfo) -> codecs.CodecInfo:
    """The same, but it decodes no long text."""

    def decode(text: Any, errors: str = "strict", /) -> tuple[str, int]:
        if len(text) > _LONGEST_PUNYCODE:
            raise UnicodeError("punycode is too long")
        return codec.decode(text, errors)

    return codecs.CodecInfo(codec.encode, decode, name=codec.name)
