"""The SMS gateway is down for ten minutes: which codes still come, and when."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass

from bench.drills.env import DrillEnv, Row, running

DOWN_SECONDS = 600.0
ASK_EVERY_SECONDS = 5.0
AFTER_SECONDS = 90.0


@dataclass
class ChallengeIssued:
    phone: str
    at: float
    came_at: float | None = None


def gateway_down() -> Row:
    with running(users=1) as on:
        requests: list[ChallengeIssued] = []
        circuit: list[tuple[float, str]] = []
        with on.load():
            on.gateway.down = True
            began = time.monotonic()
            while time.monotonic() < began + DOWN_SECONDS:
                requests.append(_ask(on, len(requests)))
                _note_breaker(on, circuit, began)
                time.sleep(ASK_EVERY_SECONDS)
            on.gateway.down = False
            on.over()
            while time.monotonic() < on.end + AFTER_SECONDS:
                requests.append(_ask(on, len(requests)))
                _note_breaker(on, circuit, began)
                _look(on, requests)
                time.sleep(1)
        return _row(on, requests, circuit, began)


def _ask(on: DrillEnv, number: int) -> ChallengeIssued:
    phone = f"+7988{number:07}"
    at = time.monotonic()
    answer = on.client().sign_up(phone)
    assert answer.status == 200, answer
    return ChallengeIssued(phone, at)


def _look(on: DrillEnv, requests: list[ChallengeIssued]) -> None:
    for one in requests:
        if one.came_at is None and on.inboxes.of.get(one.phone):
            one.came_at = time.monotonic()


def _note_breaker(on: DrillEnv, seen: list[tuple[float, str]], began: float) -> None:
    row = on.row_of("SELECT failures, extract(epoch FROM skipped_until - now())::int FROM users_smsgateway")
    state = "healthy" if not row or not row[0] else "open" if row[1] is not None else "counting"
    if not seen or seen[-1][1] != state:
        seen.append((time.monotonic() - began, state))


def _row(on: DrillEnv, requests: list[ChallengeIssued], circuit: list[tuple[float, str]], began: float) -> Row:
    meanwhile = [one for one in requests if began < one.at < on.end]
    came = [one for one in meanwhile if one.came_at]
    with on.connect() as database:
        states = Counter(
            dict(
                database.execute(
                    "SELECT d.state, count(*) FROM users_smsdelivery d JOIN users_logincode c ON c.id = login_code_id "
                    "JOIN users_user u ON u.id = user_id WHERE phone LIKE '+7988%' GROUP BY 1"
                ).fetchall()
            )
        )
    after = [one.came_at - one.at for one in requests if one.at >= on.end and one.came_at]
    oldest = max((one.came_at - one.at for one in came if one.came_at), default=0.0)
    late = max((one.came_at - on.end for one in came if one.came_at), default=0.0)
    twice = sum(len(messages) > 1 for messages in on.inboxes.of.values())
    notes = [
        f"{len(meanwhile)} codes requested meanwhile: the SMS of {len(came)} whose code was still valid came within "
        f"{late:.0f} s of the end, the oldest {oldest:.0f} s after its request; {len(meanwhile) - len(came)} were "
        "dropped because their codes had expired",
        f"codes requested afterwards came in {max(after, default=0):.1f} s at most",
        f"states: {', '.join(f'{number} {state}' for state, number in sorted(states.items()))}; {twice} came twice",
        "circuit: " + ", then ".join(f"{state} ({at:.0f} s)" for at, state in circuit),
    ]
    what = (
        f"answers 503 for {DOWN_SECONDS / 60:.0f} minutes; a new user requests a code every {ASK_EVERY_SECONDS:.0f} s"
    )
    return on.row("Gateway down", what, *notes)
