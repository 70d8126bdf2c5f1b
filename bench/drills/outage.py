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
        with on.load():
            on.gateways[0].status = 503
            began = time.monotonic()
            while time.monotonic() < began + DOWN_SECONDS:
                _request(on, requested)
                time.sleep(REQUEST_SECONDS)
            on.gateways[0].status = 200
            on.over()
            while time.monotonic() < on.end + AFTER_SECONDS:
                _request(on, requested)
                time.sleep(1)
        what = f"the gateway answers 503 for {DOWN_SECONDS / 60:.0f} minutes; a new user every {REQUEST_SECONDS:.0f} s"
        return on.fault("Gateway down", what, "see below", note=_note(on, requested))


def _request(on: DrillEnv, requested: Requested) -> None:
    phone = f"+7988{len(requested):07}"
    requested[phone] = time.monotonic()
    answer = on.client().sign_up(phone)
    assert answer.status == 200, answer


def _note(on: DrillEnv, requested: Requested) -> str:
    inboxes = on.inboxes.of
    meanwhile = [phone for phone, at in requested.items() if at < on.end]
    arrived = [phone for phone in meanwhile if inboxes.get(phone)]
    late = max((inboxes[phone][0].at - on.end for phone in arrived), default=0.0)
    oldest = max((inboxes[phone][0].at - requested[phone] for phone in arrived), default=0.0)
    after = [inboxes[phone][0].at - at for phone, at in requested.items() if at >= on.end and inboxes.get(phone)]
    twice = sum(len(messages) > 1 for messages in inboxes.values())
    return (
        f"{len(meanwhile)} codes were requested meanwhile. {len(arrived)} were still valid at the end: their SMS "
        f"arrived within {late:.0f} s of it, the oldest {oldest:.0f} s after its request. The other "
        f"{len(meanwhile) - len(arrived)} had expired and were not sent. Codes requested afterwards arrived within "
        f"{max(after, default=0):.1f} s. States in the admin: {on.one(_STATES)}. SMS that arrived twice: {twice}."
    )
