"""The SMS gateway is down for ten minutes: which codes still come, and when."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass

from bench.drills.crowd import ask
from bench.drills.ground import Ground, Row, ground

DOWN_SECONDS = 600.0
ASK_EVERY_SECONDS = 5.0
AFTER_SECONDS = 90.0


@dataclass
class ChallengeIssued:
    phone: str
    at: float
    came_at: float | None = None


def gateway_down() -> Row:
    with ground(clients=1) as on:
        asked: list[ChallengeIssued] = []
        breaker: list[tuple[float, str]] = []
        with on.load():
            on.gateway.down = True
            began = time.monotonic()
            while time.monotonic() < began + DOWN_SECONDS:
                asked.append(_ask(on, len(asked)))
                _note_breaker(on, breaker, began)
                time.sleep(ASK_EVERY_SECONDS)
            on.gateway.down = False
            on.over()
            while time.monotonic() < on.end + AFTER_SECONDS:
                asked.append(_ask(on, len(asked)))
                _note_breaker(on, breaker, began)
                _look(on, asked)
                time.sleep(1)
        return _row(on, asked, breaker, began)


def _ask(on: Ground, number: int) -> ChallengeIssued:
    phone = f"+7988{number:07}"
    at = time.monotonic()
    status, _ = ask(on.port, "/api/auth/signup", {"phone": phone}, address=f"11.0.{number // 250}.{number % 250 + 1}")
    assert status == 200, status
    return ChallengeIssued(phone, at)


def _look(on: Ground, asked: list[ChallengeIssued]) -> None:
    for one in asked:
        if one.came_at is None and on.inboxes.of.get(one.phone):
            one.came_at = time.monotonic()


def _note_breaker(on: Ground, seen: list[tuple[float, str]], began: float) -> None:
    row = on.row_of("SELECT failures, extract(epoch FROM skipped_until - now())::int FROM users_smsgateway")
    state = "healthy" if not row or not row[0] else "skipped" if row[1] is not None else "counting"
    if not seen or seen[-1][1] != state:
        seen.append((time.monotonic() - began, state))


def _row(on: Ground, asked: list[ChallengeIssued], breaker: list[tuple[float, str]], began: float) -> Row:
    meanwhile = [one for one in asked if began < one.at < on.end]
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
    after = [one.came_at - one.at for one in asked if one.at >= on.end and one.came_at]
    oldest = max((one.came_at - one.at for one in came if one.came_at), default=0.0)
    late = max((one.came_at - on.end for one in came if one.came_at), default=0.0)
    twice = sum(len(messages) > 1 for messages in on.inboxes.of.values())
    notes = [
        f"{len(meanwhile)} codes asked for meanwhile: the SMS of {len(came)} whose code still lived came within "
        f"{late:.0f} s of the end, the oldest {oldest:.0f} s after it was asked for; {len(meanwhile) - len(came)} were "
        "given up because their codes had died",
        f"codes asked for afterwards came in {max(after, default=0):.1f} s at most",
        f"states: {', '.join(f'{number} {state}' for state, number in sorted(states.items()))}; {twice} came twice",
        "breaker: " + ", then ".join(f"{state} ({at:.0f} s)" for at, state in breaker),
    ]
    what = (
        f"answers 503 for {DOWN_SECONDS / 60:.0f} minutes; somebody new asks for a code every {ASK_EVERY_SECONDS:.0f} s"
    )
    return on.row("Gateway down", what, *notes)
