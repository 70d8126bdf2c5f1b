"""`HUP` loads new code and settings. If they cannot start, the old ones go on serving."""

import shutil
import signal
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from django.conf import settings

from tests.support.environment import NAMES
from tests.support.ports import free_port
from tests.support.service import STOP_SECONDS, Service, gone, patience, prepared_folder, services

pytestmark = pytest.mark.long

PARTS = ["gunicorn", "manage.py worker"]
NEW = "the new version can start"
NOT_NEW = "the new version cannot start ("


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code that a test may change."""
    copy = tmp_path_factory.mktemp("project")
    for name in ("api", "inviting_app", "profiles", "users"):
        shutil.copytree(settings.BASE_DIR / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(settings.BASE_DIR / "manage.py", copy)
    return copy


@pytest.fixture(scope="module")
def start(project: Path) -> Iterator[Callable[[], Service]]:
    """Start the service if it does not run. Its settings are in `.env`."""
    with prepared_folder() as folder, services(folder) as make:
        running: list[Service] = []
        (project / ".env").write_text(f"DATA_DIR={folder / 'data'}\n")

        def started() -> Service:
            if not running or running[-1].process.poll() is not None:
                running.append(make(project=project, **dict.fromkeys(NAMES - {"PORT"})))
                running[-1].wait_until_ready()
            return running[-1]

        yield started


PREPARE, WORKER, WEB, PROBES, ENV, VALUES = FILES = tuple(
    f"inviting_app/{name}.py"
    for name in (
        "management/commands/prepare",
        "management/commands/worker",
        "ops/gunicorn_conf",
        "probes",
        "env",
        "values",
    )
)


@pytest.fixture
def service(start: Callable[[], Service], project: Path) -> Iterator[Service]:
    written = {project / name: (project / name).read_bytes() for name in (".env", *FILES)}
    service = start()
    service.wait_for(lambda: is_working(service))
    yield service
    for file, text in written.items():
        if file.read_bytes() != text:
            file.write_bytes(text)


def renew(service: Service) -> None:
    service.process.send_signal(signal.SIGHUP)


def renewed(service: Service, saying: str = NEW) -> None:
    """Reload and wait for the outcome, and for a new worker, so that the old one does not end in a later test."""
    so_far, worker = service.output.count(saying), service.part(PARTS[1])
    renew(service)
    service.wait_for(lambda: service.output.count(saying) > so_far)
    if saying == NEW:
        service.wait_for(lambda: service.part(PARTS[1]) != worker and is_working(service))


def take_long(project: Path) -> None:
    with (project / PREPARE).open("a") as file:
        file.write("\nimport time\ntime.sleep(60)\n")


def add(project: Path, **settings: str) -> None:
    with (project / ".env").open("a") as file:
        file.writelines(f"{name}={value}\n" for name, value in settings.items())


def is_working(service: Service) -> bool:
    """Whether the worker has loaded its code, which a test may change then: it lowers its priority after that."""
    worker = service.part(PARTS[1])
    with suppress(psutil.NoSuchProcess):
        return worker is not None and worker.nice() > 0
    return False


def is_preparing(service: Service) -> bool:
    return service.part("manage.py prepare") is not None


def test_unreadable_settings_are_not_used_then_or_later(service: Service, project: Path) -> None:
    alice = service.sign_in("9991110001")
    parts = [service.part(part) for part in PARTS]
    add(project, WEB_WORKERS="x")

    renewed(service, NOT_NEW)

    assert [service.part(part) for part in PARTS] == parts
    for part in parts:
        assert part
        part.kill()
    service.wait_for(lambda: all(service.part(part) not in (None, *parts) for part in PARTS))
    service.wait_for(lambda: service.answers("/readyz") == 200)
    assert service.call("/api/v1/profiles/me", token=alice["token"])["phone"] == "9991110001"


@pytest.mark.parametrize("file", [WORKER, WEB, ".env"], ids=["worker", "web", "settings"])
def test_no_part_is_replaced_if_one_cannot_start(service: Service, project: Path, file: str) -> None:
    parts = [service.part(part) for part in PARTS]
    (project / file).write_bytes(b"\xff\n")  # neither Python nor text

    renewed(service, NOT_NEW)

    assert [service.part(part) for part in PARTS] == parts
    assert service.answers("/readyz") == 200


def test_folder_stays_and_metrics_cover_all_parts(service: Service, project: Path, tmp_path: Path) -> None:
    alice, port = service.sign_in("9991110002"), free_port()
    add(project, DATA_DIR=str(tmp_path), METRICS_PORT=str(port))

    renewed(service)

    assert "DATA_DIR has another value in .env now. It is not used until the service is restarted." in service.output
    assert service.output.count("has another value") == 1

    def counted() -> bool:
        assert service.call("/api/v1/profiles/me", token=alice["token"])["phone"] == "9991110002"
        return 'route="/api/v1/profiles/me"' in metrics(port)

    service.wait_for(counted)  # by a new process: the former ones count nothing
    assert "inviting_app_database_up 1.0" in metrics(port)


def metrics(port: int) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def test_parts_that_end_during_a_reload_are_started_again_and_the_service_can_stop(
    service: Service, project: Path
) -> None:
    take_long(project)
    renew(service)
    service.wait_for(lambda: is_preparing(service))

    for words in ("postgres", "gunicorn"):
        part = service.part(words)
        assert part
        part.kill()
        service.wait_for(lambda words=words, part=part: service.part(words) not in (None, part))

    service.wait_for(lambda: service.answers("/readyz") == 200)
    assert is_preparing(service)
    assert stops_in_time(service)


def test_new_code_is_served_while_an_old_process_does_not_end(service: Service, project: Path) -> None:
    master = service.part("gunicorn")
    assert master
    former = master.children()
    probes = project / PROBES
    probes.write_text(probes.read_text().replace('{"status": "ok"}', '{"status": "new"}'))
    # The new code reads the environment with a function that the old one does not have.
    with (project / VALUES).open("a") as values, (project / ENV).open("a") as env:
        values.write("\ndef new(text):\n    return text\n")
        env.write("\nfrom inviting_app.values import new\nnew('')\n")
    former[0].suspend()

    renewed(service)

    service.wait_for(lambda: service.answers("/livez") == 200 and service.call("/livez") == {"status": "new"})
    assert former[0].is_running()
    assert service.part("gunicorn") == master  # it has not ended and been started again
    assert stops_in_time(service)


def stops_in_time(service: Service) -> bool:
    parts = service.parts()
    status, seconds = service.stop()
    return status == 0 and seconds < STOP_SECONDS * patience() and gone(parts)
