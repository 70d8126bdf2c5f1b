"""Load on a server by wrk (https://github.com/wg/wrk, the Debian package `wrk`).

wrk keeps a number of connections open. Each sends its next request when the previous one is answered.
"""

import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

SCRIPT = Path(__file__).with_suffix(".lua")
TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class Request:
    """One request. With a body, which is JSON, it is a POST."""

    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""

    def raw(self, port: int) -> bytes:
        """The bytes of the request."""
        body = self.body.encode()
        method = "POST" if self.body else "GET"
        lines = [f"{method} {self.path} HTTP/1.1", f"Host: localhost:{port}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"] if body else []
        return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass
class Requests:
    """Requests in a fixed order. With `once`, none is sent a second time; otherwise they repeat."""

    all: list[Request]
    once: bool = False
    issued: int = 0

    @property
    def left(self) -> list[Request]:
        return self.all[self.issued :] if self.once else self.all


@dataclass
class Outcome:
    """The result of a load. `p50` and `p99` are latencies in milliseconds."""

    seconds: float
    requests: int
    # Answers other than 2xx and 3xx.
    refused: int
    # Connections that failed, and requests without an answer.
    errors: int
    p50: float
    p99: float
    # There were too few requests, so that some were sent twice.
    exhausted: bool = False

    @property
    def per_second(self) -> float:
        return (self.requests - self.refused) / self.seconds

    @property
    def clean(self) -> bool:
        return not (self.refused or self.errors or self.exhausted)


def run(port: int, requests: Requests, *, connections: int, seconds: float) -> Outcome:
    """Load the server on this loopback port. Raises RuntimeError if wrk is missing or fails."""
    if not shutil.which("wrk"):
        raise RuntimeError("wrk is not installed (on Debian: apt install wrk)")
    left = requests.left
    with tempfile.NamedTemporaryFile() as file:
        for request in left:
            raw = request.raw(port)
            file.write(b"%d\n%s\n" % (len(raw), raw))
        file.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", f"--timeout={TIMEOUT_SECONDS}s"]
        command += ["-s", str(SCRIPT), f"http://127.0.0.1:{port}/", "--", file.name]
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 2 * TIMEOUT_SECONDS)
    outcome, issued = parse(done.stdout, done.stderr)
    outcome.exhausted = requests.once and issued > len(left)
    requests.issued += min(issued, len(left))
    return outcome


def parse(stdout: str, stderr: str = "") -> tuple[Outcome, int]:
    """The outcome that wrk.lua prints, and the number of requests sent. Raises RuntimeError if there is none."""
    for line in stdout.splitlines():
        if line.startswith("{"):
            found = json.loads(line)
            issued = found.pop("issued")
            return Outcome(**found), issued
    raise RuntimeError(f"wrk failed: {stdout} {stderr}")
