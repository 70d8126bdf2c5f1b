"""What grows: the cost of a profile with the people, and web workers' memory with the requests; and how they start."""

from __future__ import annotations

import statistics
import sys
import time
from contextlib import ExitStack, suppress
from dataclasses import asdict
from typing import Any

import psutil

from bench import load, measure
from bench.report import Report
from bench.stage import Stage, say, stage
from tests.support.service import free_port

REQUESTS = (0, 10_000, 50_000, 200_000)
STARTS = 5
# At most, for all requests.
MEMORY_SECONDS = 900


def growth(sizes: list[int], rounds: int, seconds: float) -> tuple[str, Any]:
    """GET me of 10,000 different people, with so many in the database; ratios to the first size, within each round."""
    report = Report("", "", 0, (0, 0, 0))
    with ExitStack() as stack:
        stages = {f"{size:,} people": stack.enter_context(stage(size)) for size in sizes}
        from bench import scenarios  # which need Django set up, as a stage does

        cells = [(name, on, scenarios.everyone(on)) for name, on in stages.items()]
        for number in range(rounds):
            for name, on, everyone in cells[:: -1 if number % 2 else 1]:
                for scenario in everyone:
                    run = measure.measure(scenario, on, on.database, number=number, warm_up=2, seconds=seconds)
                    run.server = name
                    report.measured.append(run)
                    say(f"{name}, {scenario.name}: {run.outcome.per_second:.0f}/s")
    first = next(iter(stages))
    lines = ["The rate, and over that of the first size: median [least..most]"]
    for scenario_name, name in report.cells:
        ratio = report.ratio((scenario_name, name), (scenario_name, first))
        rate = statistics.median(each.outcome.per_second for each in report.of(scenario_name, name))
        lines.append(f"{scenario_name:20} {name:20} {rate:8.0f}/s  {'-' if ratio is None else f'{ratio:.2f}'}")
    return "\n".join(lines), [asdict(each) for each in report.measured]


def memory(people: int) -> tuple[str, Any]:
    """MB of each web worker after so many requests of all of them, and seconds from a start to the first answer."""
    with stage(people) as on:
        from bench import scenarios  # which need Django set up, as the stage does

        web = on.web()
        assert web is not None
        scenario = scenarios.everyone(on)[0]
        done, deadline, sizes = 0, time.monotonic() + MEMORY_SECONDS, {}
        for wanted in REQUESTS:
            while done < wanted and time.monotonic() < deadline:
                done += load.run(on.port, scenario.prepare(10), connections=16, seconds=10).requests
            sizes[done] = measure.memory(web)
            say(f"{done} requests: {sizes[done]}")
        starts = [_start(on) for _ in range(STARTS)]
    lines = ["Requests, and MB of each web worker"]
    lines += [f"{number:9,}  {'  '.join(f'{size:.1f}' for size in each)}" for number, each in sizes.items()]
    lines.append(f"From the start of a web server to its first answer: {statistics.median(starts):.2f} s (median), ")
    lines[-1] += f"{max(starts):.2f} s (most of {STARTS})"
    return "\n".join(lines), {"memory": sizes, "starts": starts}


def _start(on: Stage) -> float:
    """Seconds from the start of another web server on the same data until it answers."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "-c", "python:inviting_app.ops.gunicorn_conf"]
    environment = {**on.service.process.environ(), "PORT": str(port)}
    started = time.monotonic()
    with on.service.log.open("ab") as log:
        server = psutil.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        while time.monotonic() < started + 30:
            with suppress(OSError):
                if load.once(port, load.Request("/readyz", {"Host": "localhost"}))[0] == 200:
                    return time.monotonic() - started
            time.sleep(0.005)
        raise RuntimeError("the web server does not answer")
    finally:
        server.terminate()
        server.wait(10)
