"""Votes sent to both web hosts at the same moment. (Attacks 5 and 8 do the same with codes and refresh tokens.)"""

from collections import Counter

from bench.attacks.report import Report
from bench.clients import Answer, Client, at_once
from bench.hosts.env import Hosts

PAIRS, VOTERS = 100, 300

# A client and its access token.
SignedIn = tuple[Client, str]


def races(hosts: Hosts) -> list[Report]:
    users = at_once(lambda number: _sign_in(hosts, number), range(VOTERS + 3), threads=16)
    (a, b, popular), voters = users[:3], users[3:]
    return [one_vote_twice(hosts, voters[:PAIRS], a, b), one_invite_code(hosts, voters[PAIRS:], popular)]


def one_vote_twice(hosts: Hosts, voters: list[SignedIn], a: SignedIn, b: SignedIn) -> Report:
    """Each votes for two users at the same moment, for one through each host."""
    report = Report(1, "one vote, two hosts", "one vote a user")
    codes = [_invite_code(one) for one in (a, b)]
    calls = [(voter, host) for voter in voters for host in (0, 1)]
    answers = at_once(lambda call: _vote(call[0], codes[call[1]], call[1]), calls, threads=24)
    pairs = zip(answers[::2], answers[1::2], strict=True)
    kinds = Counter(tuple(sorted(answer.status for answer in pair)) for pair in pairs)
    report.check(f"of two votes at once one counts: {dict(kinds)}", set(kinds) == {(200, 409)})
    counted = [_count(hosts, code) for code in codes]
    report.check(f"votes in all: {sum(counted)}", sum(counted) == len(voters))
    report.tried = len(calls)
    return report


def one_invite_code(hosts: Hosts, voters: list[SignedIn], popular: SignedIn) -> Report:
    report = Report(2, "one invite code, hundreds at once", "each vote counts, once")
    code = _invite_code(popular)
    answers = at_once(lambda each: _vote(each[1], code, each[0] % 2), list(enumerate(voters)), threads=32)
    kinds = Counter(answer.status for answer in answers)
    report.check(f"{len(voters)} votes through two hosts: {dict(kinds)}", set(kinds) == {200})
    report.check(f"the count is exact: {_count(hosts, code)}", _count(hosts, code) == len(voters))
    slowest = max(answer.seconds for answer in answers)
    report.check(f"the slowest took {slowest:.2f} s", slowest < 2)
    report.tried = len(voters)
    return report


def _vote(voter: SignedIn, code: str, host: int) -> Answer:
    client, token = voter
    return client.call("POST", "/api/v1/profiles/me", {"activated_invite": code}, token, **{"X-Host": str(host)})


def _sign_in(hosts: Hosts, number: int) -> SignedIn:
    client = hosts.user()
    return client, hosts.sign_in(client, f"99188{number:05}").body["token"]


def _invite_code(user: SignedIn) -> str:
    client, token = user
    return str(client.me(token).body["invite_code"])


def _count(hosts: Hosts, code: str) -> int:
    """The votes for a code, from the rows and from its count, which must agree. -1 if they do not."""
    rows, count = hosts.rows(
        """SELECT (SELECT count(*) FROM profiles_activation WHERE inviter_id = user_id), invitations_count
             FROM profiles_profile WHERE invite_code = %s""",
        code,
    )[0]
    return int(rows) if rows == count else -1
