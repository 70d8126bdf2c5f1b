"""What the measurement of whole sign-ins sends, reads and computes."""

import asyncio
import json
from collections.abc import Iterator

import pytest

from bench import document, machine
from bench.journeys import report
from bench.journeys.goals import GOALS, Goal
from bench.journeys.load import PARTS, Measured
from bench.journeys.results import Results
from bench.journeys.servers import ASK, JOURNEY, READ, SEND, SERVICE
from bench.journeys.wire import Answer, Connection, Load, take_message
from bench.wrk import Request

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{\r\n\r\n2\r\n}\n\r\n0\r\n\r\n"


@pytest.fixture
def load() -> Iterator[Load]:
    with Load().running() as running:
        yield running


def measured(operation: str, server: str, *rates: int, cpu: int = 1000) -> list[Measured]:
    """A load of one second in each round, with so many operations."""
    used = dict.fromkeys(PARTS[:2], float(cpu)) | {"worker": 0.0}
    return [Measured(operation, server, rate, seconds=1.0, cpu=used, waits=[20.0, 30.0]) for rate in rates]


@pytest.mark.parametrize("size", [10, 50, len(CHUNKED) - 8, len(CHUNKED) - 1])
def test_a_message_is_taken_when_all_of_it_has_arrived(size: int) -> None:
    part = bytearray(CHUNKED[:size])

    assert take_message(part) is None
    part += CHUNKED[size:] + b"HTTP"

    taken = take_message(part)
    assert taken and taken[1] == b"{\r\n}\n"
    assert part == b"HTTP"


def test_a_message_has_the_length_that_its_head_names() -> None:
    received = bytearray(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}POST")

    assert take_message(received) == (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n", b"{}")
    assert received == b"POST"


def test_the_gateway_keeps_its_connection_and_passes_codes_on(load: Load) -> None:
    async def post_twice() -> tuple[Answer, str, str]:
        gateway = Connection(load.gateway_port)
        for phone, code in (("+79990000001", "0042"), ("+79990000002", "1234")):
            text = f"{code} is your code.\n\n@localhost #{code}"
            answer = await gateway.call(Request("/sms", body=json.dumps({"to": phone, "text": text})))
        codes = [await load.codes.wait(phone) for phone in ("+79990000001", "+79990000002")]
        gateway.close()
        return answer, codes[0], codes[1]

    answer, *codes = load.run(post_twice())

    assert answer.status == 200
    assert codes == ["0042", "1234"]


def test_a_code_that_is_waited_for_is_passed_on_when_a_hook_leaves_it(load: Load) -> None:
    async def leave_later() -> str:
        waiting = asyncio.ensure_future(load.codes.wait("+79990000003"))
        loop = asyncio.get_running_loop()
        hook, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, remote_addr=("127.0.0.1", load.remember_port)
        )
        hook.sendto(b"+79990000003 654321")
        code = await waiting
        hook.close()
        return code

    assert load.run(leave_later()) == "654321"


def test_tables_show_rates_cpu_ratios_and_goals() -> None:
    loads = measured(READ, SERVICE, 300, 100) + measured(READ, "other", 100, 50, cpu=1500)
    results = Results(loads, [10.0, 30.0, 20.0])

    lines = report.text(results, [Goal("read", lambda found: found.ratio(READ, "other"), 3.0)]).splitlines()

    assert "| own profile | 200 [100..300]<br>1,000 + 1,000 | 75 [50..100]<br>1,500 + 1,500 |" in lines
    assert "| own profile | 2.50 [2.00..3.00]<br>1.50 [1.50..1.50] |" in lines
    assert "| read | 2.50 [2.00..3.00] | at least 3 | missed |" in lines
    assert any(line.endswith("one sign-up after another: 20, 30") for line in lines)


def test_a_load_that_failed_is_marked() -> None:
    loads = measured(ASK, SERVICE, 10)
    loads[0].failed = 2

    assert "**! 2 failed**" in report.text(Results(loads), [])


def test_what_was_not_measured_is_neither_shown_nor_judged() -> None:
    results = Results(measured(SEND, SERVICE, 10))

    assert all(goal.reached(results) for goal in GOALS if goal.found(results) is None)
    assert JOURNEY not in "".join(line for line in report.text(results, GOALS).splitlines() if line.startswith("| w"))


def test_a_quantile_is_one_of_the_values() -> None:
    assert machine.quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert machine.quantile([float(value) for value in range(1, 101)], 0.99) == 99.0
    assert machine.quantile([5.0], 0.99) == 5.0


@pytest.mark.parametrize(
    ("page", "module"),
    [("speed", "bench.journeys"), ("speed", "bench.crowd"), ("scale", "bench.scale"), ("security", "bench.attack")],
)
def test_each_page_has_the_two_marks_of_its_module(page: str, module: str) -> None:
    text = (document.BASE / f"docs/{page}.md").read_text()

    _, _, after = text.partition(f"<!-- by {module} -->")
    assert document.END_MARK in after
