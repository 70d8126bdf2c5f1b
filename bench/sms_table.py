"""What `bench.sms` found, as a table."""

from __future__ import annotations

import os
import time
from collections import Counter
from dataclasses import dataclass
from itertools import chain

from bench.machine import Noise, percentile
from bench.traffic import SignUp

# Seconds between two looks at how many wait.
BACKLOG_EVERY = 10

# Where sign-ups are offered faster than they are answered, the last tenth of them waits for longer than this.
HOLDS_BELOW_SECONDS = 0.5

RUN = f"{'workers':>7} {'gateway':>7}"


@dataclass
class Run:
    """One offer of sign-ups: to which gateway, with how many workers, and what came of it."""

    workers: int
    gateway_seconds: float
    sign_ups: list[SignUp]
    # When the gateway got the SMS to each phone.
    received: dict[str, list[float]]
    # CPU seconds a second while sign-ups were offered and answered.
    cores: dict[str, float]
    # Deliveries that the service itself does not count as sent.
    not_sent: int
    noise: Noise

    def __str__(self) -> str:
        return f"{self.workers:7} {self.gateway_seconds * 1000:4.0f} ms"

    @property
    def accepted(self) -> list[SignUp]:
        return [each for each in self.sign_ups if each.status == 200]

    @property
    def waits(self) -> list[float]:
        """Milliseconds from when each sign-up was due to its answer."""
        return [(each.answered - each.due) * 1000 for each in self.sign_ups]

    @property
    def holds(self) -> bool:
        """Whether all were accepted, each had one SMS, and waiting did not grow and grow."""
        once = all(len(self.received[each.phone]) == 1 for each in self.accepted)
        last = self.waits[-max(1, len(self.waits) // 10) :]
        return len(self.accepted) == len(self.sign_ups) and once and percentile(last, 0.5) < HOLDS_BELOW_SECONDS * 1000


def table(command: str, load_before: tuple[float, float, float], idle: Run, runs: list[Run], offered: str) -> str:
    parts = [
        _head(command, load_before, [idle, *runs]),
        [f"1. Idle: {len(idle.sign_ups)} sign-ups one after another; milliseconds", *_idle(idle)],
        [f"2. {offered}; milliseconds from when each was due to its answer", *_latencies(runs)],
        ["What became of them: by the gateway's record, SMS of accepted sign-ups that came once, never and more often,",
         "and that came for sign-ups without an answer; by how much the offer itself was late at worst",
         *_outcomes(runs)],
        [f"SMS accepted and not yet at the gateway: at most, every {BACKLOG_EVERY} s; the last came so long after the "
         "offer's end", *_backlogs(runs)],
        ["Cores in use (CPU seconds a second) while sign-ups were offered and answered", *_cores(runs)],
    ]  # fmt: skip
    return "\n\n".join("\n".join(lines) for lines in parts)


def summary(run: Run) -> str:
    """One line, while the measurement goes on."""
    accepted, come = len(run.accepted), sum(len(times) == 1 for times in run.received.values())
    waits = f"answers in {percentile(run.waits, 0.5):.0f} ms (median), {percentile(run.waits, 0.99):.0f} ms (p99)"
    return f"{accepted} of {len(run.sign_ups)} accepted, {come} SMS came once, {waits}"


def rates(found: list[tuple[float, Run]]) -> str:
    """The search for a rate that holds."""
    lines = [f"\nSearch for a rate that holds (nobody waits longer and longer) for the slow gateway\n{'rate':>6} {RUN}"]
    for rate, run in found:
        spread = f"{_spread(run.waits)}   {'holds' if run.holds else 'does not hold'}"
        lines.append(f"{rate:4.0f}/s {run}{spread}")
    lines[0] += _SPREAD
    return "\n".join(lines)


def _head(command: str, load_before: tuple[float, float, float], runs: list[Run]) -> list[str]:
    noises = [run.noise for run in runs]
    least, most = min(noise.least for noise in noises), max(noise.most for noise in noises)
    medians = sorted(noise.median for noise in noises)
    return [
        f"SMS from sign-up to gateway, {time.strftime('%Y-%m-%d %H:%M %Z')}: {command}",
        f"{os.cpu_count()} cores, load average before {' '.join(f'{load:.2f}' for load in load_before)}",
        f"Noise: a fixed piece of work, 100 times before each run, took {least:.1f} to {most:.1f} ms; "
        f"medians {medians[0]:.1f} to {medians[-1]:.1f}",
    ]


_SPREAD = "".join(f"{name:>9}" for name in ("median", "p90", "p99", "most"))


def _spread(milliseconds: list[float]) -> str:
    if not milliseconds:
        return f"{'-':>9}" * 4
    return "".join(f"{percentile(milliseconds, share):9.1f}" for share in (0.5, 0.9, 0.99, 1.0))


def _idle(run: Run) -> list[str]:
    came = [(run.received[each.phone][0] - each.sent) * 1000 for each in run.sign_ups if run.received[each.phone]]
    answered = [(each.answered - each.sent) * 1000 for each in run.sign_ups]
    return [
        f"{'':15}{_SPREAD}",
        f"{'POST to gateway':15}{_spread(came)}   aim: median < 50, p99 < 250",
        f"{'POST to answer':15}{_spread(answered)}",
    ]


def _latencies(runs: list[Run]) -> list[str]:
    lines = [f"{RUN}{_SPREAD}   slow : control, at the median and at p99"]
    for number in dict.fromkeys(run.workers for run in runs):
        control, slow = sorted((run for run in runs if run.workers == number), key=lambda run: run.gateway_seconds)
        ratios = [percentile(slow.waits, share) / percentile(control.waits, share) for share in (0.5, 0.99)]
        lines.append(f"{control}{_spread(control.waits)}")
        lines.append(f"{slow}{_spread(slow.waits)}   {ratios[0]:.2f}  {ratios[1]:.2f}")
    return lines


def _outcomes(runs: list[Run]) -> list[str]:
    names = ("asked", "200", "others", "once", "never", "more", "unheard", "not sent", "late ms")
    lines = [RUN + "".join(f"{name:>9}" for name in names)]
    for run in runs:
        times = Counter(min(2, len(run.received[each.phone])) for each in run.accepted)
        others = [each for each in run.sign_ups if each.status != 200]
        unheard = sum(bool(run.received[each.phone]) for each in others)
        late = max(each.sent - each.due for each in run.sign_ups) * 1000
        counts = [len(run.sign_ups), len(run.accepted), len(others), times[1], times[0], times[2], unheard]
        lines.append(f"{run}" + "".join(f"{count:9}" for count in [*counts, run.not_sent]) + f"{late:9.0f}")
    return lines


def _backlogs(runs: list[Run]) -> list[str]:
    lines = [f"{RUN}{'most':>9}{'drained':>9}   waiting"]
    for run in runs:
        arrivals = sorted(chain.from_iterable(run.received.values()))
        accepted = [each.answered for each in run.accepted]
        changes = sorted([(at, 1) for at in accepted] + [(at, -1) for at in arrivals])
        waiting, most, series = 0, 0, []
        look = run.sign_ups[0].due + BACKLOG_EVERY
        for at, change in changes:
            while at > look:
                series.append(max(0, waiting))
                look += BACKLOG_EVERY
            waiting += change
            most = max(most, waiting)
        drained = max([0.0, *arrivals, run.sign_ups[-1].due]) - run.sign_ups[-1].due
        lines.append(f"{run}{most:9}{drained:7.1f} s   {' '.join(str(count) for count in [*series, max(0, waiting)])}")
    return lines


def _cores(runs: list[Run]) -> list[str]:
    names = ["web", "workers", "PostgreSQL", "bench"]
    lines = [RUN + "".join(f"{name:>11}" for name in [*names, "others", "stolen"])]
    for run in runs:
        others = max(0.0, run.cores["all"] - sum(run.cores[name] for name in names))
        shares = [*(run.cores[name] for name in names), others, run.cores["stolen"]]
        lines.append(f"{run}" + "".join(f"{share:11.2f}" for share in shares))
    return lines
