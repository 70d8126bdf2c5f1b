"""Votes across the closing second, and results of 100,000 votes: `python -m bench.voting`.

A crowd votes over HTTP while voting closes. Then the results are published, downloaded and checked with
`docs/verify.py`, as a voter does. The drill fails if a vote that was accepted is not in the results, if one that was
refused is, or if a vote is counted whose time is not before the closing instant.
"""

import sys
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from subprocess import run
from urllib.request import urlopen

from django.conf import settings

from bench import dataset
from bench.clients import at_once
from bench.env import BenchEnv, measuring

# Nine of ten of them have voted.
USERS = 112_000
# Users who vote while voting closes, and how many at a time.
CROWD, THREADS = 2_000, 24
# Voting closes so long after the crowd begins to vote.
CLOSES_IN = "2 seconds"

_CLOSE = """
INSERT INTO profiles_votingperiod (id, closes_at) VALUES (1, clock_timestamp() + %s::interval) RETURNING closes_at
"""
_VOTES = "SELECT count(*) FROM profiles_activation"
_LATE = "SELECT count(*) FROM profiles_activation WHERE created_at >= %s"
_SHA256 = "SELECT results_sha256 FROM profiles_votingperiod"
_RECEIPTS = """
SELECT encode(receipt, 'hex'), encode(nonce, 'hex'), phone
  FROM profiles_activation JOIN users_user ON users_user.id = invitee_id WHERE invitee_id = ANY(%s)
"""


def main() -> int:
    with measuring("bench.voting") as (heading, stack):
        print(heading)
        env = BenchEnv(stack, USERS)
        users = dataset.not_voted(env.database, CROWD)
        before = env.one(_VOTES)
        closes_at: datetime = env.one(_CLOSE, CLOSES_IN)
        counted = vote(env, users)
        late, votes = env.one(_LATE, closes_at), env.one(_VOTES)
        print(f"{before:,} votes before; of {len(users):,} users at the end {dict(Counter(counted.values()))}")
        began = time.monotonic()
        publisher = env.spawn("manage.py", "shell", "-v0", "-c", "from profiles import results; results.publish()")
        assert publisher.wait() == 0
        print(f"published {votes:,} votes in {time.monotonic() - began:.1f} s, with the start of a process")
        file = download(env, env.folder / "results.csv")
        accepted = [user for user, outcome in counted.items() if outcome == "200"]
        wrong = check(env, file, accepted, votes)
    held = not wrong and late == 0 and votes == before + len(accepted)
    print(f"late votes: {late}; accepted and not in the file: {wrong}; {'held' if held else 'NOT as promised'}")
    return int(not held)


def vote(env: BenchEnv, users: list[int]) -> dict[int, str]:
    """The outcome of each user's vote, in the order of the users."""

    def one(user: int, token: str) -> str:
        answer = env.client().activate(token, dataset.invite_code(dataset.CELEBRITY))
        return str(answer.status) if answer.status == 200 else f"{answer.status} {answer.code}"

    pairs = list(zip(users, dataset.tokens(users), strict=True))
    return dict(zip(users, at_once(lambda pair: one(*pair), pairs, THREADS), strict=True))


def download(env: BenchEnv, file: Path) -> Path:
    began = time.monotonic()
    with urlopen(f"http://127.0.0.1:{env.port}/api/v1/results/file") as answer:
        content = answer.read()
    file.write_bytes(content)
    print(f"the file has {len(content) / 1e6:.1f} MB and was sent in {time.monotonic() - began:.1f} s")
    return file


def check(env: BenchEnv, file: Path, accepted: list[int], votes: int) -> int:
    """Check the file as anyone can, and the accepted votes in it. Returns how many are not there."""
    began = time.monotonic()
    told = verify(file)
    print(f"checked in {time.monotonic() - began:.1f} s")
    if told is None or f"Votes: {votes}" not in told:
        return votes
    code = dataset.invite_code(dataset.CELEBRITY)
    found = env.rows(_RECEIPTS, accepted)
    _, nonce, phone = found[-1]
    if verify(file, env.one(_SHA256), nonce, phone, code) is None:
        return 1
    lines = set(file.read_text().splitlines())
    return sum(f"{code},{receipt}" not in lines for receipt, _, _ in found)


def verify(file: Path, *arguments: str) -> str | None:
    """What the checker says, or None if it finds something wrong."""
    command = [sys.executable, "-I", str(settings.BASE_DIR / "docs" / "verify.py"), str(file), *arguments]
    told = run(command, capture_output=True, text=True)
    return told.stdout if told.returncode == 0 else None


if __name__ == "__main__":
    sys.exit(main())
