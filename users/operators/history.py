"""What the admin's log says was done, in the language and the time zone of who reads it.

Django stores its own messages as JSON with English texts, and translates them when they are shown. So do these.
"""

import json
import re
from datetime import datetime
from typing import Any

from django.contrib.admin.models import LogEntry
from django.utils import translation
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.text import capfirst, get_text_list
from django.utils.timezone import localtime
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as N_

NOTHING = "—"

# Messages of earlier versions are plain texts, with times as this pattern finds them.
_ISO_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?[+-]\d\d:\d\d")


def told(text: str, **values: Any) -> dict[str, Any]:
    """One sentence of a message: its English original, and its values. A lazy translation is stored in English too."""
    with translation.override(None):
        return {"told": text, "values": {name: _stored(value) for name, value in values.items()}}


def reason(text: str) -> dict[str, Any]:
    return told(N_("Reason: %(reason)s"), reason=text)


def in_words(entry: LogEntry) -> str:
    """The message of this entry in the current language, whichever version wrote it."""
    try:
        parts = json.loads(entry.change_message)
    except ValueError:
        parts = None
    if isinstance(parts, list) and parts and all("told" in part for part in parts):
        return " ".join(_said(part) for part in parts)
    return _ISO_TIME.sub(lambda found: _time(found[0]), str(entry.get_change_message()))


def _stored(value: Any) -> Any:
    if isinstance(value, list):
        return [_stored(one) for one in value]
    if isinstance(value, datetime):
        return {"time": value.isoformat()}
    return {"word": str(value)} if isinstance(value, Promise) else value


def _said(part: dict[str, Any]) -> str:
    text = part["told"]
    return capfirst(gettext(text) % {name: _shown(value) for name, value in part["values"].items()})


def _shown(value: Any) -> Any:
    if isinstance(value, list):
        return get_text_list([_shown(one) for one in value], gettext("and")) or NOTHING
    if isinstance(value, dict):
        word = value.get("word")
        return _time(value["time"]) if word is None else gettext(word)
    return NOTHING if value is None else value


def _time(iso: str) -> str:
    return date_format(localtime(datetime.fromisoformat(iso)), "DATETIME_FORMAT")
