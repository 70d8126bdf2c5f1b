"""The SMS gateway is down for ten minutes: which codes arrive after that, and when."""

import time

from bench.drills.env import DrillEnv, Row, running

DOWN_SECONDS = 600.0
REQUEST_SECONDS = 5.0
AFTER_SECONDS = 90.0
_STATES = """
SELECT string_agg(n || ' ' || state, ', ' ORDER BY state)
  FROM (SELECT d.state, count(*) AS n FROM users_smsdelivery d JOIN users_logincode c ON c.id = login_code_id
          JOIN users_user u ON u.id = user_id WHERE phone LIKE '+7988%' GROUP BY 1) AS counted
"""

# When each phone's code was requested.
Requested = dict[str, float]


def gateway_down() -> Row:
    with running(users=1) as on:
        requested: Requested = {}
        circuit: list[str] = []
        with on.load():
            on.gateway.down = True
            began = time.monotonic()
            while time.monotonic() < began + DOWN_SECONDS:
                _request(on, requested, circuit, began)
                time.sleep(REQUEST_SECONDS)
            on.gateway.down = False
            on.over()
            while time.monotonic() < on.end + AFTER_SECONDS:
                _request(on, requested, circuit, began)
                time.sleep(1)
        minutes = f"answers 503 for {DOWN_SECONDS / 60:.0f} minutes"
        what = f"{minutes}; a new user requests a code every {REQUEST_SECONDS:.0f} s"
        return on.row("Gateway down", what, *_notes(on, requested), f"circuit: {', then '.join(circuit)}")


def _request(on: DrillEnv, requested: Requested, circuit: list[str], began: float) -> None:
    phone = f"+7988{len(requested):07}"
    requested[phone] = time.monotonic()
    answer = on.client().sign_up(phone)
    assert answer.status == 200, answer
    row = on.row_of("SELECT failures, skipped_until > now() FROM users_smsgateway")
    state = "closed" if not row or not row[0] else "open" if row[1] else "counting"
    if not circuit or not circuit[-1].startswith(state):
        circuit.append(f"{state} ({time.monotonic() - began:.0f} s)")


def _notes(on: DrillEnv, requested: Requested) -> list[str]:
    inboxes = on.inboxes.of
    meanwhile = [phone for phone, at in requested.items() if at < on.end]
    arrived = [phone for phone in meanwhile if inboxes.get(phone)]
    late = max((inboxes[phone][0].at - on.end for phone in arrived), default=0.0)
    oldest = max((inboxes[phone][0].at - requested[phone] for phone in arrived), default=0.0)
    after = [inboxes[phone][0].at - at for phone, at in requested.items() if at >= on.end and inboxes.get(phone)]
    twice = sum(len(messages) > 1 for messages in inboxes.values())
    return [
        f"{len(meanwhile)} codes requested meanwhile: the SMS of {len(arrived)} whose code was still valid arrived "
        f"within {late:.0f} s of the end, the oldest {oldest:.0f} s after its request; "
        f"{len(meanwhile) - len(arrived)} were dropped because their codes had expired",
        f"codes requested afterwards arrived in {max(after, default=0):.1f} s at most",
        f"states: {on.row_of(_STATES)[0]}; {twice} arrived twice",
    ]
