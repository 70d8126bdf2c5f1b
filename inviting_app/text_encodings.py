"""The encodings that Python looks up by the names that clients and providers write."""

import codecs
import encodings
import pkgutil
from encodings.aliases import aliases

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
    return encodings.search_function(name)
