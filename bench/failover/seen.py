"""What users noticed of a fault, and whether that is what docs/failures.md promises."""

import time
from itertools import pairwise

from bench.drills import evidence
from bench.drills.env import DrillEnv, Row
from bench.drills.evidence import Probe
from bench.drills.users import OK, STEPS

WRITES = ("sign-up", "log-in", "vote")
# With seven users at work, a pause in which no write succeeds is shorter than that.
PAUSE_SECONDS = 1.0
READY_SECONDS = 2.0
SMS_SECONDS = 5.0
ANSWER_SECONDS = 10.0

# When the last SMS of each phone was recorded as sent, unless another one is on its way.
_SENT = """
SELECT phone, count(*), extract(epoch FROM max(finished_at))
  FROM users_smsdelivery JOIN users_logincode c ON c.id = login_code_id JOIN users_user u ON u.id = c.user_id
 GROUP BY phone HAVING bool_and(state = 'sent')
"""

# From the last write before it to the first one after it.
Pause = tuple[float, float]


def row(on: DrillEnv, name: str, limit: float, more_lost: int) -> Row:
    users = on.users
    pauses = _pauses(on)
    with on.connect() as database:
        lost = evidence.lost(users, database) + more_lost
        sent = database.execute(_SENT).fetchall()
    twice, after_success = _repeated(on, sent)
    after = _sms_after(on, pauses)
    slowest = max(call.seconds for call in users.calls if call.step != "SMS")
    acknowledged = len(users.signed_up) + len(users.signed_in) + len(users.voted)
    untrue = untrue_probes(on.probes, pauses)
    errors = users.errors()
    broken = {
        "lost": lost,
        f"writes back after more than {limit:.0f} s": any(end - max(begin, on.end) > limit for begin, end in pauses),
        f"SMS later than {SMS_SECONDS:.0f} s after writes": after is not None and after > SMS_SECONDS,
        "500": any(error.startswith("500") for error in errors),
        f"an answer after more than {ANSWER_SECONDS:.0f} s": slowest > ANSWER_SECONDS,
        f"/readyz was 200 {untrue} times while no write succeeded": untrue,
        "an SMS was sent again after its success was recorded": after_success,
        "not over": len(users.recovered(on.end)) < len(STEPS),
    }
    cells = [
        name,
        "; ".join(f"{end - max(begin, on.end):.1f}" for begin, end in pauses) or "none",
        "" if after is None else f"{after:.1f}",
        f"{acknowledged:,}, **{lost}**",
        ", ".join(f"{number} × {kind}" for kind, number in errors.most_common()) or "none",
        f"{slowest:.1f}",
        evidence.ready(on.probes, users),
        str(twice),
        "; ".join(text for text, wrong in broken.items() if wrong) or "–",
    ]
    return Row(cells, not any(broken.values()))


def untrue_probes(probes: list[Probe], pauses: list[Pause]) -> int:
    """Those that were answered with 200 although no write succeeded, neither when they were asked nor until then."""
    return sum(
        probe.status == 200 and begin + READY_SECONDS < probe.began and probe.ended < end - PAUSE_SECONDS
        for begin, end in pauses
        for probe in probes
    )


def _pauses(on: DrillEnv) -> list[Pause]:
    """When no write succeeded, since the fault began."""
    calls = [call for call in on.users.calls if call.step in WRITES and call.outcome == OK]
    # A write that was done before it may be answered during it.
    done = sorted(call.ended for call in calls if not call.began < on.end < call.ended)
    stopped = max(call.ended for call in on.users.calls)
    return [(a, b) for a, b in pairwise([*done, stopped]) if b - a > PAUSE_SECONDS and b > on.end]


def _sms_after(on: DrillEnv, pauses: list[Pause]) -> float | None:
    """How long after the longest pause the first SMS arrived."""
    if not pauses:
        return None
    _, end = max(pauses, key=lambda pause: pause[1] - pause[0])
    arrived = [sms.at - end for inbox in list(on.inboxes.of.values()) for sms in inbox if sms.at >= end]
    return min(arrived, default=float("inf"))


def _repeated(on: DrillEnv, sent: list[tuple[str, int, float]]) -> tuple[int, int]:
    """SMS that arrived more often than they were to be sent, and those that did so after a success was recorded."""
    to_wall = time.time() - time.monotonic()
    inboxes = on.inboxes.of
    twice = sum(len(inboxes[phone]) > number for phone, number, _ in sent)
    late = sum(inboxes[phone][-1].at + to_wall > float(at) for phone, _, at in sent if inboxes[phone])
    return twice, late
