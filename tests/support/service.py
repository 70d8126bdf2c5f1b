"""The whole service as real processes, for the tests that need one."""

import fcntl
import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

import psutil
from django.conf import settings

from inviting_app.ops.embedded import SUPERUSER, Embedded
from tests.support.environment import FOLDER_OF_DATA, NAMES, TEMPLATE
from tests.support.ports import free_port

START_SECONDS = 60
STOP_SECONDS = 10


class Service:
    """`manage.py serve`, or another command that serves, with its own port and folder."""

    def __init__(
        self, folder: Path, port: int, project: Path | None = None, command: str = "serve", **variables: str | None
    ) -> None:
        self.port = port
        self.metrics_port = variables.get("METRICS_PORT")
        self.log = Path(tempfile.mkstemp(dir=folder, suffix=".log")[1])
        # Empty rather than unset: a developer's `.env` must not reach it.
        clean = {**os.environ, **dict.fromkeys(NAMES, "")}
        self.data = folder / "data"
        # Each process of the web takes long to start: what needs several asks for them.
        given = {**clean, "PORT": str(port), "DATA_DIR": str(self.data), "WEB_WORKERS": "1", **variables}
        environment = {name: value for name, value in given.items() if value is not None}
        with self.log.open("ab") as log:
            self.process = psutil.Popen(
                [sys.executable, "manage.py", command],
                cwd=project or settings.BASE_DIR,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def wait_until_ready(self) -> None:
        self.wait_for(lambda: "inviting_app is ready" in self.output)

    def wait_for(self, condition: Callable[[], object], seconds: float = START_SECONDS) -> None:
        """Wait until this is true. The service must run meanwhile."""
        deadline = time.monotonic() + seconds * patience()
        while not condition():
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            with suppress(psutil.TimeoutExpired):
                self.process.wait(0.05)

    @property
    def output(self) -> str:
        return self.log.read_text()

    @property
    def database(self) -> dict[str, Any]:
        """Where its embedded PostgreSQL is, for `psycopg.connect` as its superuser."""
        at = Embedded(self.data).settings(SUPERUSER)
        return {"host": at["HOST"], "user": at["USER"], "dbname": at["NAME"]}

    def parts(self) -> list[psutil.Process]:
        return list(self.process.children(recursive=True))

    def part(self, words: str) -> psutil.Process | None:
        """The child whose command line contains these words."""
        return first(self.process.children(), words)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Stop the service. Returns its status and the seconds that it took."""
        started = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(how)
        status = self.process.wait(START_SECONDS * patience())
        return status, time.monotonic() - started

    def call(self, path: str, body: Any = None, token: str = "") -> Any:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or "null")

    def scrape(self) -> str:
        """What Prometheus reads."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=30) as answer:
            return str(answer.read().decode())

    def answers(self, path: str) -> int | None:
        """The status of a GET, or None when there is no answer."""
        with suppress(OSError, http.client.HTTPException), closing(self._peer()) as peer:
            peer.request("GET", path)
            return peer.getresponse().status
        return None

    @contextmanager
    def called_all_the_time(self, path: str) -> Iterator[list[int | str]]:
        """Repeat a GET on new and kept connections meanwhile. Yields the statuses, and the texts of errors."""
        answers: list[int | str] = []
        done = Event()

        def call(kept: bool) -> None:
            peer = self._peer()
            while not done.is_set():
                try:
                    peer.request("GET", path)
                    answer = peer.getresponse()
                    answer.read()
                    answers.append(answer.status)
                except (OSError, http.client.HTTPException) as error:
                    answers.append(repr(error))
                if not kept:
                    peer.close()
                done.wait(0.03)
            peer.close()

        callers = [Thread(target=call, args=[kept]) for kept in (True, False, False)]
        for caller in callers:
            caller.start()
        try:
            yield answers
        finally:
            done.set()
            for caller in callers:
                caller.join()

    def sign_up(self, phone: str, address: str) -> int:
        """The status of a sign-up from this loopback address.

        Raises OSError or HTTPException if there is no response.
        """
        with closing(self._peer(address)) as peer:
            peer.request("POST", "/api/auth/signup", json.dumps({"phone": phone}), {"Content-Type": "application/json"})
            return peer.getresponse().status

    def _peer(self, address: str = "127.0.0.1") -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30, source_address=(address, 0))

    def sign_in(self, phone: str) -> Any:
        asked = self.call("/api/auth/signup", {"phone": phone})
        return self.call("/api/auth/login", {"code": asked["code"], "challenge_id": asked["challenge_id"]})


def first(processes: list[psutil.Process], words: str) -> psutil.Process | None:
    """The first process whose command line contains these words."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            if words in " ".join(process.cmdline()):
                return process
    return None


def gone(processes: list[psutil.Process]) -> bool:
    """Wait for the processes. Returns whether all of them ended in time."""
    return not psutil.wait_procs(processes, timeout=STOP_SECONDS * patience())[1]


def patience() -> float:
    """By how much everything takes longer, because this machine has more to do than it can do at once."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


@contextmanager
def service_folder() -> Iterator[Path]:
    """A folder with a short path for the socket, which root's PostgreSQL can enter as another user."""
    with tempfile.TemporaryDirectory(prefix="inviting_app-", dir=FOLDER_OF_DATA) as name:
        os.chmod(name, 0o755)
        yield Path(name)


def with_static_files(data: Path) -> Path:
    """This folder of data, with static files that `prepare` collected: they take longest of a first start."""
    data.mkdir(exist_ok=True)
    (data / "static").symlink_to(prepared_once() / "static")
    return data


@contextmanager
def prepared_folder() -> Iterator[Path]:
    """A folder with the database and static files of a first start, which takes seconds."""
    with service_folder() as folder:
        copy_prepared("", folder / "data")
        yield folder


def copy_prepared(part: str, to: Path) -> None:
    """Copy the data of a first start, or this part of it, to a new folder."""
    subprocess.run(["cp", "-a", prepared_once() / part, to], check=True)


def prepared_once() -> Path:
    """The data of a first start, made once in a run of the tests. Not for use where it is."""
    prepared, draft = TEMPLATE / "prepared", TEMPLATE / "draft"
    with (TEMPLATE / "lock of prepared").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not prepared.exists():
            environment = {**os.environ, **dict.fromkeys(NAMES, ""), "DATA_DIR": str(draft)}
            subprocess.run([sys.executable, "manage.py", "prepare"], cwd=settings.BASE_DIR, env=environment, check=True)
            draft.rename(prepared)
    return prepared


@contextmanager
def services(folder: Path) -> Iterator[Callable[..., Service]]:
    """Yields a function that starts services with this folder's data, on one port by default. Stops them at the end."""
    started: list[Service] = []
    port = free_port()

    def make(**variables: Any) -> Service:
        started.append(Service(folder, port, **variables))
        return started[-1]

    try:
        yield make
    finally:
        for service in started:
            service.stop()


@contextmanager
def ready_service(**variables: Any) -> Iterator[Service]:
    """A service that answers, with the data of a first start."""
    with prepared_folder() as folder, services(folder) as make:
        service = make(**variables)
        service.wait_until_ready()
        yield service
