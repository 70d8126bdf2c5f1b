"""The whole service as real processes: start, stop, restart, crash."""

import re
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest

from tests.support.ports import free_port
from tests.support.service import (
    START_SECONDS,
    STOP_SECONDS,
    Service,
    gone,
    patience,
    prepared_folder,
    service_folder,
    services,
    with_static_files,
)

# What the proxies of deploy/ let wait.
WAITING = 640
KEY = "a key for this test, and long enough to be one"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """One folder for all tests of this file: the first start creates the database, the others use it."""
    with service_folder() as made:
        with_static_files(made / "data")
        yield made


@pytest.fixture
def serve(folder: Path) -> Iterator[Callable[..., Service]]:
    with services(folder) as make:
        yield make


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[Callable[..., Service]]:
    """Yields a function that returns a ready service. It starts one if none runs, or none with these settings."""
    with services(folder) as make:
        started: list[Service] = []

        def running(**variables: str) -> Service:
            if variables and started:
                started[-1].stop()
            if not started or started[-1].process.poll() is not None:
                started.append(make(**variables))
                started[-1].wait_until_ready()
            service = started[-1]
            service.wait_for(lambda: is_whole(service))
            return service

        yield running


PARTS = ["gunicorn", "manage.py worker", "postgres"]
CRASHED = "ended by itself with status -9; starting it again"


def is_whole(service: Service) -> bool:
    """Whether all parts run and do their work. The worker then has a lower priority: clients go before the SMS."""
    web, worker, postgres = (service.part(part) for part in PARTS)
    with suppress(psutil.NoSuchProcess):
        return bool(web and worker and postgres) and worker.nice() > web.nice() and service.answers("/readyz") == 200
    return False


def test_service_drains_and_keeps_users_keys_and_tokens_across_a_stop(running: Callable[..., Service]) -> None:
    first = running(DRAIN_SECONDS="60")
    first.process.send_signal(signal.SIGTERM)
    first.wait_for(lambda: first.answers("/readyz") == 503)
    alice, bob = first.sign_in("9991110011"), first.sign_in("9991110012")
    code = first.call("/api/v1/profiles/me", token=alice["token"])["invite_code"]
    first.call("/api/v1/profiles/me", {"activated_invite": code}, token=bob["token"])
    parts = first.parts()

    status, seconds = first.stop(signal.SIGINT)  # the second signal
    second = running()

    assert (status, seconds < STOP_SECONDS * patience()) == (0, True)
    assert gone(parts)
    assert second.call("/api/v1/profiles/me", token=alice["token"])["invitations"] == ["9991110012"]
    assert second.call("/api/auth/refresh", {"refresh": bob["refresh"]})["token"]


@pytest.mark.long
def test_web_and_worker_are_replaced_and_no_request_is_refused(running: Callable[[], Service]) -> None:
    service = running()
    web, worker, postgres = (service.part(part) for part in PARTS)
    former, started_before = web.children(), service.output.count("the new version can start")
    with service.called_all_the_time("/readyz") as answers:
        service.process.send_signal(signal.SIGHUP)
        service.wait_for(lambda: service.output.count("the new version can start") > started_before)
        service.wait_for(lambda: web.children() and not set(former) & set(web.children()))
        service.wait_for(lambda: service.part("manage.py worker") not in (None, worker))
        so_far = len(answers)
        service.wait_for(lambda: len(answers) > so_far + 20)

    assert set(answers) == {200}
    assert (service.part("gunicorn"), service.part("postgres")) == (web, postgres)


@pytest.mark.long
def test_connections_of_a_crowd_wait_until_they_are_accepted(running: Callable[[], Service]) -> None:
    service = running()
    web = service.part("gunicorn")
    assert web is not None
    with ExitStack() as stack:
        for process in web.children():
            process.suspend()
            stack.callback(process.resume)

        for _ in range(WAITING):  # raises TimeoutError when one more may not wait
            stack.enter_context(socket.create_connection(("127.0.0.1", service.port), timeout=2))

    service.wait_for(lambda: service.answers("/livez") == 200)


@pytest.mark.long
def test_part_that_crashes_is_started_again(running: Callable[[], Service]) -> None:
    service = running()
    alice = service.sign_in("9991110021")
    crashed = [service.part(part) for part in PARTS]
    so_far = service.output.count(CRASHED)

    for process in crashed:
        process.kill()

    service.wait_for(lambda: service.output.count(CRASHED) == so_far + len(PARTS))
    service.wait_for(lambda: is_whole(service))
    assert service.call("/api/v1/profiles/me", token=alice["token"])["phone"] == "9991110021"
    assert all(service.part(part) not in crashed for part in PARTS)


@pytest.mark.long
def test_part_that_never_starts_stops_the_service() -> None:
    with prepared_folder() as folder, services(folder) as make:
        service = make(GUNICORN_CMD_ARGS="--no-such-option")

        assert service.process.wait(START_SECONDS) == 1
        assert "web ended by itself with status 2, 5 times in a row as soon as it was started." in service.output


@pytest.mark.long
def test_service_stops_while_its_parts_restart(running: Callable[[], Service]) -> None:
    service = running()
    so_far = service.output.count(CRASHED)
    for part in PARTS:
        service.part(part).kill()
    service.wait_for(lambda: service.output.count(CRASHED) > so_far)
    parts = service.parts()

    status, seconds = service.stop()

    assert (status, seconds < STOP_SECONDS * patience()) == (0, True)
    assert gone(parts)


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_parts_end_with_a_killed_service_and_the_next_start_recovers(running: Callable[[], Service]) -> None:
    service = running()
    alice = service.sign_in("9991110001")
    parts = service.parts()

    service.stop(signal.SIGKILL)

    assert gone(parts)
    again = running()
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


@pytest.mark.long
def test_folder_in_use_is_refused_in_one_line(running: Callable[[], Service], serve: Callable[..., Service]) -> None:
    service = running()

    line = refusal(serve)

    assert line.endswith("is in use by another process. Stop that one, or set another DATA_DIR")
    assert service.process.poll() is None
