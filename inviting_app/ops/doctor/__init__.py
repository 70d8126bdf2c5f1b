"""What can be wrong with a running service, and how to mend it.

A check is a function that yields findings. What it says holds no secret and no phone, for it may be pasted into a
ticket: a gateway is named as in `users.gateways`, and errors of libraries are told by their kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True)
class Finding:
    """What was found, as `subject: what`, and how to mend it unless it is well."""

    level: Level
    what: str
    mend: str = ""


Check = Callable[[], Iterator[Finding]]


def ok(what: str) -> Finding:
    return Finding(Level.OK, what)


def warn(what: str, mend: str) -> Finding:
    return Finding(Level.WARN, what, mend)


def fail(what: str, mend: str) -> Finding:
    return Finding(Level.FAIL, what, mend)


def examined(check: Check) -> Iterator[Finding]:
    """The findings of a check. That it crashed is a finding too; the text of the error might quote a secret."""
    try:
        yield from check()
    except Exception as error:
        subject = f"{check.__module__.rpartition('.')[2]} ({check.__name__})"
        yield fail(
            f"{subject}: could not be checked: {type(error).__name__}",
            "Mend the other lines first. If this one stays, the doctor has a defect: report it.",
        )
