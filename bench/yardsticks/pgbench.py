"""What the database does in a second of the very statements that the yardsticks send, without any web server.

Scripts are those of pgbench; each is one transaction, prepared once in each connection.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench import people
from bench.yardsticks import common, servers
from inviting_app.ops import embedded


@dataclass(frozen=True)
class Result:
    """Transactions a second, and milliseconds that one takes on average."""

    per_second: float
    latency_ms: float


def own_profile(of: int, count: int) -> str:
    """A script that reads the profile of one of `count` people, spread over all `of` people."""
    readers = people.spread(of, count)
    # pgbench cannot compute the session's id; PostgreSQL does so in a microsecond.
    statement = common.OWN_PROFILE.replace("$1", "md5((:person)::text)::uuid").replace("$2", ":person")
    pick = f"{readers.start} + {readers.step} * random(0, {len(readers) - 1})"
    return f"\\set person {pick}\n{_on_one_line(statement)};\n"


def run(data: Path, script: str, *, clients: int = 16, seconds: float = 5) -> Result:
    """Have so many clients run the script again and again, on the database of the service with this DATA_DIR."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        command: list[str | Path] = [
            embedded.programs_of_wheel() / "pgbench",
            "--no-vacuum",
            "--protocol=prepared",
            f"--client={clients}",
        ]
        command += [f"--time={max(1, round(seconds))}", f"--file={file.name}"]
        environment = {**os.environ, **servers.database(data)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds + 60)
    if done.returncode:
        raise RuntimeError(f"pgbench failed: {done.stderr}")
    return Result(_number(r"tps = ([0-9.]+)", done.stdout), _number(r"latency average = ([0-9.]+)", done.stdout))


def _on_one_line(statement: str) -> str:
    return " ".join(statement.split())


def _number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    assert found, text
    return float(found[1])
