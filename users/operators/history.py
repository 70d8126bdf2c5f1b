"""What the admin's log says was done, in the language and the time zone of who reads it.

Django stores its own messages as JSON with English texts, and translates them when they are shown. So do these.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, QuerySet
from django.utils import translation
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.text import capfirst, get_text_list
from django.utils.timezone import localtime
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as N_

NOTHING = "—"

# How a sentence names the user for whom a vote was.
Inviter = Literal["id", "phone", "hidden"]

_REASON = N_("Reason: %(reason)s")

OWN_PASSWORD_CHANGED = N_("Changed their own password.")

# With the id of the user for whom it was.
VOTE_RELEASED = N_("Released the vote for user %(result)d.")

# The name of a field in messages of earlier versions.
_EARLIER = (N_("staff"),)

# Messages of earlier versions, and those of exports, are plain texts, with times as this pattern finds them.
_ISO_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?[+-]\d\d:\d\d")


def told(text: str, **values: Any) -> dict[str, Any]:
    """One sentence of a message: its English original, and its values. A lazy translation is stored in English too."""
    with translation.override(None):
        return {"told": text, "values": {name: _stored(value) for name, value in values.items()}}


def reason(text: str) -> dict[str, Any]:
    return told(_REASON, reason=text)


def reason_in(entry: LogEntry) -> str:
    """The reason that the operator gave, or an empty text."""
    try:
        parts = json.loads(entry.change_message)
    except ValueError:
        return ""
    reasons = [one for one in parts if isinstance(one, dict) and one.get("told") == _REASON]
    return str(reasons[0]["values"]["reason"]) if reasons else ""


def with_sentence(entries: QuerySet[LogEntry], text: str) -> QuerySet[LogEntry]:
    """The entries with this sentence, given in English.

    A reason that quotes the sentence does not match, because JSON escapes the quotes in a reason.
    """
    return entries.filter(change_message__contains=json.dumps({"told": text})[1:-1])


def record(by: Any, model: type[Model], names: Mapping[Any, str], *sentences: dict[str, Any]) -> None:
    """Record what an operator did with some objects of this model, by key and name.

    Django's own functions take the name from the object, which may tell more than the log may keep.
    """
    kind, message = ContentType.objects.get_for_model(model), json.dumps(sentences)
    LogEntry.objects.bulk_create(
        LogEntry(
            user_id=by,
            content_type=kind,
            object_id=str(key),
            object_repr=name[:200],
            action_flag=CHANGE,
            change_message=message,
        )
        for key, name in names.items()
    )


def in_words(entry: LogEntry, inviter: Inviter = "id") -> str:
    """The message of this entry in the current language, whichever version wrote it.

    `inviter` says how it names the user for whom a released vote was: by id, by masked phone, or not at all. The phone
    is not stored, because the user may be erased later.
    """
    try:
        parts = json.loads(entry.change_message)
    except ValueError:
        parts = None
    if isinstance(parts, list) and parts and all("told" in part for part in parts):
        return " ".join(said(part, inviter) for part in parts)
    return _ISO_TIME.sub(_time_in_text, str(entry.get_change_message()))


def _stored(value: Any) -> Any:
    if isinstance(value, list):
        return [_stored(one) for one in value]
    if isinstance(value, datetime):
        return {"time": value.isoformat()}
    return {"word": str(value)} if isinstance(value, Promise) else value


def said(part: dict[str, Any], inviter: Inviter = "id") -> str:
    """One sentence of a message in the current language. For `inviter` see `in_words`."""
    text, values = part["told"], part["values"]
    if inviter != "id" and text == VOTE_RELEASED:
        found = get_user_model().objects.filter(pk=values["result"]).first() if inviter == "phone" else NOTHING
        if found:
            return gettext("Released the vote for %(user)s.") % {"user": found}
    return capfirst(gettext(text) % {name: _shown(value) for name, value in values.items()})


def _shown(value: Any) -> Any:
    if isinstance(value, list):
        return get_text_list([_shown(one) for one in value], gettext("and")) or NOTHING
    if isinstance(value, dict):
        word = value.get("word")
        return _time(value["time"]) if word is None else gettext(word)
    return NOTHING if value is None else value


def _time_in_text(found: re.Match[str]) -> str:
    """The same text if there is no such time: an operator may have written it into the filter of an export."""
    try:
        return _time(found[0])
    except (ValueError, OverflowError):
        return found[0]


def _time(iso: str) -> str:
    return date_format(localtime(datetime.fromisoformat(iso)), "SHORT_DATETIME_FORMAT")
