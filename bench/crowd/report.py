"""The crowd's table, and whether all that must hold has held."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from bench.crowd.people import STEPS, Found
from bench.machine import quantile


@dataclass
class Measured:
    people: int
    found: Found
    signed_in: int
    # SMS in the database, and those that arrived more than once.
    sms: int
    repeated_sms: int
    # Votes, and those that the profiles of inviters count.
    votes: int
    counted: int
    # CPU seconds by part, while all sign in and while all vote.
    cpu: list[dict[str, float]]


def broken(measured: Measured) -> list[str]:
    """What should have held and did not."""
    found = measured.found
    wanted = {
        "errors other than an honest Retry-After": (sum(found.failed.values()), 0),
        "steps given up": (sum(found.given_up.values()), 0),
        "people signed in": (measured.signed_in, measured.people),
        "SMS that arrived twice": (measured.repeated_sms, 0),
        "votes": (measured.votes, measured.people),
        "votes counted for the inviters": (measured.counted, measured.people),
    }
    return [f"{name}: {had:,} instead of {right:,}" for name, (had, right) in wanted.items() if had != right]


def text(measured: Measured) -> str:
    return "\n".join(
        [
            "| | done | a second | waits, s: median | 99 of 100 | longest | refused, Retry-After | errors |",
            "|---" * 8 + "|",
        ]
        + list(_rows(measured.found))
        + ["", *_facts(measured), ""]
        + [f"**Broken**: {what}." for what in broken(measured)]
    ).rstrip()


def _rows(found: Found) -> Iterator[str]:
    for step in STEPS:
        waits = found.waits[step] or [0.0]
        figures = " | ".join(f"{quantile(waits, part):.2f}" for part in (0.5, 0.99, 1))
        errors = [f"{times:,} × {what}" for (its_step, what), times in found.failed.items() if its_step == step]
        yield (
            f"| {step} | {len(found.done[step]):,} | {_rate(found.done[step]):,.0f} | {figures} "
            f"| {_refusals(found, step)} | {', '.join(errors) or '–'} |"
        )


def _refusals(found: Found, step: str) -> str:
    """How many by status, and the least and the most of their Retry-After."""
    times: Counter[int] = Counter()
    told: dict[int, set[int]] = {}
    for (its_step, status, seconds), number in found.refused.items():
        if its_step == step:
            times[status] += number
            told.setdefault(status, set()).add(seconds)
    texts = [f"{times[status]:,} × {status}, {min(told[status])} to {max(told[status])} s" for status in sorted(times)]
    return "; ".join(texts) or "–"


def _facts(measured: Measured) -> Iterator[str]:
    found = measured.found
    lengths = ", ".join(f"{times:,} of {length} digits" for length, times in sorted(found.code_lengths.items()))
    yield f"- Codes: {lengths}. {measured.signed_in:,} of {measured.people:,} people signed in, {measured.sms:,} SMS."
    yield f"- {measured.votes:,} votes, of which the inviters' profiles count {measured.counted:,}."
    for step, cpu in zip(("sign-in", "vote"), measured.cpu, strict=True):
        spent = ", ".join(f"{name} {seconds * 1000 / max(1, measured.signed_in):.1f}" for name, seconds in cpu.items())
        yield f"- Milliseconds of CPU for each {step}: {spent}."


def _rate(moments: list[float]) -> float:
    """How many a second, between the first and the last of them."""
    took = max(moments) - min(moments) if moments else 0.0
    return len(moments) / took if took else 0.0
