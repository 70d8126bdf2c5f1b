"""The whole service as real processes: start, stop, restart, crash."""

import json
import re
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.service import (
    START_SECONDS,
    STOP_SECONDS,
    Service,
    free_port,
    gone,
    patience,
    service_folder,
    services,
)

KEY = "a key for this test, and long enough to be one"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """One folder for all tests of this file: the first start creates the database, the others use it."""
    with service_folder() as made:
        yield made


@pytest.fixture
def serve(folder: Path) -> Iterator[Callable[..., Service]]:
    with services(folder) as make:
        yield make


def test_service_keeps_users_keys_and_tokens_across_a_stop(serve: Callable[..., Service]) -> None:
    first = serve()
    first.wait_until_ready()
    alice, bob = first.sign_in("9991110011"), first.sign_in("9991110012")
    code = first.call("/api/v1/profiles/me", token=alice["token"])["invite_code"]
    first.call("/api/v1/profiles/me", {"activated_invite": code}, token=bob["token"])
    parts = first.parts()

    status, seconds = first.stop(signal.SIGINT)
    second = serve()
    second.wait_until_ready()

    assert (status, seconds < STOP_SECONDS * patience()) == (0, True)
    assert gone(parts)
    assert second.call("/api/v1/profiles/me", token=alice["token"])["invitations"] == ["9991110012"]
    assert second.call("/api/auth/refresh", {"refresh": bob["refresh"]})["token"]


def test_web_and_worker_are_replaced_and_no_request_is_refused(serve: Callable[..., Service]) -> None:
    service = serve()
    service.wait_until_ready()
    web, worker, postgres = (service.part(part) for part in PARTS)
    former = web.children()
    with service.called_all_the_time("/readyz") as answers:
        service.process.send_signal(signal.SIGHUP)
        service.wait_for(lambda: "the new version can start" in service.output)
        service.wait_for(lambda: web.children() and not set(former) & set(web.children()))
        service.wait_for(lambda: service.part("manage.py worker") not in (None, worker))
        so_far = len(answers)
        service.wait_for(lambda: len(answers) > so_far + 20)

    assert set(answers) == {200}
    assert (service.part("gunicorn"), service.part("postgres")) == (web, postgres)


PARTS = ["gunicorn", "manage.py worker", "postgres"]


def test_part_that_crashes_is_started_again(serve: Callable[..., Service]) -> None:
    service = serve()
    service.wait_until_ready()
    alice = service.sign_in("9991110021")
    crashed = [service.part(part) for part in PARTS]

    for process in crashed:
        process.kill()

    service.wait_for(lambda: service.output.count("ended by itself with status -9; starting it again") == len(PARTS))
    service.wait_for(lambda: service.answers("/readyz") == 200)
    assert service.call("/api/v1/profiles/me", token=alice["token"])["phone"] == "9991110021"
    assert all(service.part(part) not in [None, *crashed] for part in PARTS)
    worker, web = (service.part(part) for part in ("manage.py worker", "gunicorn"))
    service.wait_for(lambda: worker.nice() > web.nice())  # clients go before the SMS


def test_part_that_never_starts_stops_the_service(serve: Callable[..., Service]) -> None:
    service = serve(GUNICORN_CMD_ARGS="--no-such-option")

    assert service.process.wait(START_SECONDS) == 1
    assert "web ended by itself with status 2, 5 times in a row as soon as it was started." in service.output


def test_service_stops_while_its_parts_restart(serve: Callable[..., Service]) -> None:
    service = serve()
    service.wait_until_ready()
    for part in PARTS:
        service.part(part).kill()
    service.wait_for(lambda: "starting it again" in service.output)
    parts = service.parts()

    status, seconds = service.stop()

    assert (status, seconds < STOP_SECONDS * patience()) == (0, True)
    assert gone(parts)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_parts_end_with_a_killed_service_and_the_next_start_recovers(serve: Callable[..., Service]) -> None:
    service = serve()
    service.wait_until_ready()
    alice = service.sign_in("9991110001")
    parts = service.parts()

    service.stop(signal.SIGKILL)

    assert gone(parts)
    again = serve()
    again.wait_until_ready()
    assert again.call("/api/v1/profiles/me", token=alice["token"])["phone"] == "9991110001"


def refusal(serve: Callable[..., Service], **variables: str) -> str:
    """The one line that a refused start prints."""
    service = serve(**variables)
    assert service.process.wait(START_SECONDS) == 1
    lines = service.output.splitlines()
    assert len(lines) == 1
    return lines[0]


def test_taken_port_is_refused_in_one_line(serve: Callable[..., Service]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        line = refusal(serve, PORT=port)

    assert f"inviting_app cannot start. HOST and PORT: 127.0.0.1:{port}: Address already in use. Try another" in line
    [other] = re.findall(r" PORT=(\d+) make run$", line)
    assert other != port


def test_host_that_is_not_here_is_refused_in_one_line(serve: Callable[..., Service]) -> None:
    assert refusal(serve, HOST="no-such-host.invalid").count("HOST and PORT: no-such-host.invalid:") == 1


def test_unreachable_database_is_refused_in_one_line(serve: Callable[..., Service]) -> None:
    line = refusal(serve, DATABASE_URL=f"postgresql://me:hunter2@127.0.0.1:{free_port()}/invites", SECRET_KEY=KEY)

    assert "inviting_app cannot start. The database: " in line
    assert "hunter2" not in line


def test_gateway_that_cannot_be_used_is_refused_at_the_start(serve: Callable[..., Service]) -> None:
    # Without PostgreSQL, which is used later.
    database = {"DATABASE_URL": f"postgresql://127.0.0.1:{free_port()}/invites", "SECRET_KEY": KEY}

    service = serve(SMS_GATEWAYS="webhook://sms.example,nonsense://me:hunter2@sms.example", **database)

    assert service.process.wait(START_SECONDS) == 1
    assert "SMS_GATEWAYS: gateway 2 nonsense: there is no such provider" in service.output
    assert "hunter2" not in service.output and "sms.example" not in service.output


def test_folder_in_use_is_refused_in_one_line(serve: Callable[..., Service]) -> None:
    service = serve()
    service.wait_until_ready()

    line = refusal(serve, PORT=str(free_port()))

    assert line.endswith("is in use by another process")
    assert service.process.poll() is None


def test_every_line_of_a_json_log_is_json(serve: Callable[..., Service]) -> None:
    service = serve(LOG_FORMAT="json")
    service.wait_until_ready()
    service.sign_in("9991110001")
    service.stop()

    lines = [line for line in service.output.splitlines() if line.startswith("{")]

    requests = [json.loads(line) for line in lines if "/api/auth/login" in line]
    assert requests[0]["level"] == "INFO"
    assert len(requests[0]["request_id"]) == 32
    assert "9991110001" not in service.output
