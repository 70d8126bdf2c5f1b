"""Calls the WSGI application as the web server does, without Django's test client. An error is a 500."""

import json
import re
import time
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from wsgiref.util import setup_testing_defaults

from django.core.signals import request_started
from django.db import close_old_connections

from inviting_app.wsgi import application

# Seconds of this thread's processor time, so that other load on the machine does not count.
SLOW_SECONDS = 0.1

# A header that a web server can write.
HEADER = re.compile(r"[A-Za-z0-9-]+: [\t\x20-\x7e\x80-\xff]*")


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The problem's."""
        assert self.headers["Content-Type"] == "application/problem+json"
        return str(json.loads(self.body)["code"])


def call(method: str, path: str, token: str = "", body: bytes = b"", **headers: str) -> Answer:
    """The response to this request. Headers have their WSGI names, such as CONTENT_TYPE."""
    path, _, query = path.partition("?")
    query = headers.pop("QUERY_STRING", query)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_AUTHORIZATION": f"Bearer {token}",
        "REMOTE_ADDR": "192.0.2.1",
        "wsgi.input": BytesIO(body),
        **headers,
    }
    setup_testing_defaults(environ)
    started: list[Any] = []
    request_started.disconnect(close_old_connections)  # the request is in the test's transaction
    parts = application(environ, lambda *given: started.append(given))
    request_started.connect(close_old_connections)
    status, given = started[0]
    assert all(HEADER.fullmatch(f"{name}: {value}") for name, value in given), given
    return Answer(int(status[:3]), dict(given), b"".join(parts))


def quickly(work: Any) -> Any:
    """Do the work and check its speed. Once it may be slow, because of a garbage collection."""
    for _ in range(2):
        started = time.thread_time()
        result = work()
        if time.thread_time() - started < SLOW_SECONDS:
            return result
    raise AssertionError("slow")


def thread_seconds(work: Any, repeated: int = 20) -> float:
    """The processor time of this thread for this work: the median, because of garbage collections."""
    taken = []
    for _ in range(repeated):
        started = time.thread_time()
        work()
        taken.append(time.thread_time() - started)
    return sorted(taken)[repeated // 2]
