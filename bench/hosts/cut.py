"""One of two web hosts loses its network under load and gets it back: what users notice, and what the rows say."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread

from bench.attacks.contract import ADDRESS_SENDS, MAX_ATTEMPTS
from bench.attacks.report import Report
from bench.hosts.env import Hosts
from bench.virtual_users import OK, Call, VirtualUsers, attempt

BEFORE_SECONDS, AFTER_SECONDS = 10.0, 15.0
THREADS = 6
# Of each SMS, so that the lost worker has some under way.
GATEWAY_SECONDS = 0.5
# Challenges of one address in an hour.
ADDRESS_CHALLENGES = 60
LOCKED = "503 unavailable"
# The transactions of a lost host keep their locks until PgBouncer notices: see pgbouncer.ini.
LOCKS_SECONDS = 6.0
# Until the proxy stops using a lost host: at most two checks of two seconds and a pause.
NOTICED_SECONDS = 5.0

_MOST = "SELECT COALESCE(max(n), 0) FROM (SELECT count(*) AS n FROM {} GROUP BY {}) AS counted"
_WRONG_COUNTS = """
SELECT count(*) FROM profiles_profile AS profile
 WHERE invitations_count <> (SELECT count(*) FROM profiles_activation WHERE inviter_id = profile.user_id)
"""
_LONG_TRANSACTIONS = """
SELECT client_addr::text, state, wait_event, left(query, 60), now() - xact_start FROM pg_stat_activity
 WHERE xact_start < now() - interval '2 s'
"""
_VOTES = """
SELECT phone, invite_code FROM profiles_activation JOIN users_user AS invitee ON invitee.id = invitee_id
  JOIN profiles_profile AS chosen ON chosen.user_id = inviter_id
"""


@dataclass
class Greed:
    """One address that requests too many SMS and challenges, and one client that guesses without end."""

    hosts: Hosts
    users: VirtualUsers
    requested: int = 0
    guesses: int = 0
    compared: int = 0

    def sign_up(self) -> None:
        client, attached = self.hosts.user(), "9915500000"
        for _ in range(3):  # two short codes, then a long one, to which any number of challenges may be attached
            attempt(lambda: self.hosts.user().sign_up(attached))
        while not self.users.gone.wait(0.05):
            self.requested += 1
            phone = f"99155{self.requested:05}" if self.requested % 2 else attached
            attempt(lambda phone=phone: client.sign_up(phone))  # type: ignore[misc]

    def guess(self) -> None:
        client = self.hosts.user()
        issued = client.sign_up("9914400000")
        right = self.hosts.inboxes.wait("+79914400000", 1)[-1].code
        wrong = [f"{number:04}" for number in range(100) if f"{number:04}" != right]
        while not self.users.gone.wait(0.1):
            answer, _ = attempt(lambda: client.log_in(issued, wrong[self.guesses % len(wrong)]))
            self.guesses += 1
            self.compared += answer is not None and answer.compared


def cut(hosts: Hosts, seconds: float) -> list[Report]:
    report = Report(3, "a host cut off and brought back", "nothing acknowledged is lost, no limit exceeded")
    lost = hosts.network.web[1]
    users = VirtualUsers(hosts.user, hosts.inboxes, THREADS, vote_twice=True)
    greed = Greed(hosts, users)
    for gateway in hosts.gateways:
        gateway.seconds = GATEWAY_SECONDS
    with _workers_restarted(hosts), users.at_work(greed.sign_up, greed.guess):
        time.sleep(BEFORE_SECONDS)
        hosts.network.cut_off(lost)
        gone = time.monotonic()
        noticed = _until_proxy_sees(hosts, "DOWN") - gone
        time.sleep(max(0.0, gone + seconds - time.monotonic()))
        hosts.network.bring_back(lost)
        back = time.monotonic()
        used_again = _until_proxy_sees(hosts, "UP") - back
        time.sleep(AFTER_SECONDS)
        users.stop()
        _settle(report, hosts)
    for gateway in hosts.gateways:
        gateway.seconds = 0.0
    report.tried = len(users.calls)
    what = f"the proxy stops using it after {noticed:.1f} s, and uses it again after {used_again:.1f} s"
    report.check(what, noticed < NOTICED_SECONDS)
    _judge_failures(report, users, gone, back)
    _judge_sms(report, hosts, users)
    _judge_votes(report, hosts, users)
    _judge_limits(report, hosts, greed)
    return [report]


def _settle(report: Report, hosts: Hosts) -> None:
    try:
        hosts.settle()
    except AssertionError:
        report.check(f"all SMS are sent at the end; long transactions: {hosts.rows(_LONG_TRANSACTIONS)}", False)


def _judge_failures(report: Report, users: VirtualUsers, gone: float, back: float) -> None:
    failed = [call for call in users.calls if call.outcome != OK]
    under_way = [call for call in failed if call.began <= gone <= call.ended]
    waited = [call for call in failed if call.outcome == LOCKED and gone <= call.began <= gone + LOCKS_SECONDS]
    others = [f"{call.step} {call.outcome} {call.began - gone:+.1f} s" for call in _without(failed, under_way, waited)]
    kinds = dict(Counter(call.outcome for call in under_way))
    report.check(f"{len(users.calls)} requests, of which {len(under_way)} were under way and failed: {kinds}", True)
    report.check(f"{len(waited)} repeated ones met a lock of the lost host's last transactions: {LOCKED}", True)
    report.check(f"no other request failed {others[:20] or ''}".strip(), not others)
    for name, first, last in (("before", 0.0, gone), ("meanwhile", gone, back), ("afterwards", back, float("inf"))):
        done = sorted(took for at, took in users.done if first <= at < last)
        median = f", in {done[len(done) // 2]:.2f} s (median)" if done else ""
        report.check(f"{name}: {len(done)} users signed in and voted{median}", bool(done))


def _without(calls: list[Call], *known: list[Call]) -> list[Call]:
    return [call for call in calls if not any(call in some for some in known)]


def _judge_sms(report: Report, hosts: Hosts, users: VirtualUsers) -> None:
    waits = [call.ended - call.began for call in users.calls if call.step == "SMS"]
    missing = [call for call in users.calls if call.step == "SMS" and call.outcome != OK]
    report.check(f"every SMS arrived, the slowest after {max(waits, default=0.0):.1f} s", not missing)
    states = dict(hosts.rows("SELECT state, count(*) FROM users_smsdelivery GROUP BY 1"))
    # Dropped: the lost worker had sent it but not recorded it, and its code was used before another worker had it.
    report.check(f"deliveries: {states}", set(states) <= {"sent", "dropped"})
    twice = sum(len(messages) for messages in hosts.inboxes.of.values()) - sum(states.values())
    report.check(f"SMS sent twice: {twice}", twice <= 10)


def _judge_votes(report: Report, hosts: Hosts, users: VirtualUsers) -> None:
    verified = {phone for (phone,) in hosts.rows("SELECT phone FROM users_user WHERE verified_at IS NOT NULL")}
    report.check(f"{len(users.signed_in)} acknowledged sign-ins are there", users.signed_in <= verified)
    votes = dict(hosts.rows(_VOTES))
    lost = [phone for phone, code in users.voted.items() if votes.get(phone) != code]
    report.check(f"{len(users.voted)} acknowledged votes are there, each for its invite code", not lost)
    report.check("every count of votes is exact", hosts.one(_WRONG_COUNTS) == 0)
    second = dict(users.second_votes)
    report.check(f"second votes, by status: {second}", 200 not in second)


def _judge_limits(report: Report, hosts: Hosts, greed: Greed) -> None:
    challenges = hosts.one(_MOST.format("users_challenge", "address"))
    report.check(f"challenges of one address: {challenges}", challenges <= ADDRESS_CHALLENGES)
    sends = hosts.one(_MOST.format("users_smsdelivery", "asked_from"))
    report.check(f"SMS of one address: {sends}; it requested {greed.requested}", sends <= ADDRESS_SENDS)
    attempts = hosts.one("SELECT max(attempts) FROM users_challenge")
    report.check(
        f"guesses compared at one challenge: {attempts} of {greed.guesses}",
        attempts <= MAX_ATTEMPTS and greed.compared <= MAX_ATTEMPTS,
    )


def _until_proxy_sees(hosts: Hosts, state: str, seconds: float = 30.0) -> float:
    deadline = time.monotonic() + seconds
    while (seen := hosts.seen_by_proxy()) and seen[1] != state and time.monotonic() < deadline:
        time.sleep(0.05)
    return time.monotonic()


@contextmanager
def _workers_restarted(hosts: Hosts) -> Iterator[None]:
    """Start workers that end again, as systemd does."""
    done = Event()

    def restart() -> None:
        while not done.wait(1):
            hosts.restart_workers()

    thread = Thread(target=restart)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
