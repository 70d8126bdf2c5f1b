"""One thing requested from both web hosts at the same moment: only one of them may grant it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from bench.attacks.report import Report
from bench.clients import Answer, Client, at_once
from bench.hosts.env import Hosts

PAIRS = 100
VOTERS = 300

SignedIn = tuple[Client, dict[str, Any]]


def races(hosts: Hosts) -> list[Report]:
    users = at_once(lambda number: _sign_in(hosts, number), range(VOTERS + 3), threads=16)
    (a, b, celebrity), voters = users[:3], users[3:]
    return [
        one_vote_twice(hosts, voters[:PAIRS], a, b),
        one_invite_code(hosts, voters[PAIRS:], celebrity),
        one_refresh_token(hosts, voters[:PAIRS]),
        one_code_twice(hosts),
    ]


def one_vote_twice(hosts: Hosts, voters: list[SignedIn], a: SignedIn, b: SignedIn) -> Report:
    """Each votes for two people at once, for one through each host."""
    report = Report(1, "one vote, two hosts", "one vote a user")
    codes = [_invite_code(one) for one in (a, b)]
    answers = on_both(voters, lambda voter, host: _vote(voter, codes[host], host))
    kinds = Counter(tuple(sorted(answer.status for answer in pair)) for pair in answers)
    report.check(f"of two votes at once one counts: {dict(kinds)}", set(kinds) == {(200, 409)})
    counted = [_count(hosts, code) for code in codes]
    report.check(f"votes in all: {sum(counted)}", sum(counted) == len(voters))
    report.tried = 2 * len(voters)
    return report


def one_invite_code(hosts: Hosts, voters: list[SignedIn], celebrity: SignedIn) -> Report:
    report = Report(2, "one invite code, hundreds at once", "each vote counts, once")
    code = _invite_code(celebrity)
    answers = at_once(lambda each: _vote(each[1], code, each[0] % 2), list(enumerate(voters)), threads=32)
    kinds = Counter(answer.status for answer in answers)
    report.check(f"{len(voters)} votes through two hosts: {dict(kinds)}", set(kinds) == {200})
    report.check(f"the count is exact: {_count(hosts, code)}", _count(hosts, code) == len(voters))
    slowest = max(answer.seconds for answer in answers)
    report.check(f"the slowest took {slowest:.2f} s", slowest < 2)
    report.tried = len(voters)
    return report


def one_refresh_token(hosts: Hosts, users: list[SignedIn]) -> Report:
    report = Report(3, "one refresh token, two hosts", "one successor")

    def refresh(user: SignedIn, host: int) -> Answer:
        return _to(host, user[0], "POST", "/api/auth/refresh", {"refresh": user[1]["refresh"]})

    pairs = on_both(users, refresh)
    report.check("both are answered", all(answer.status == 200 for pair in pairs for answer in pair))
    same = sum(len({answer.body.get("refresh") for answer in pair}) == 1 for pair in pairs)
    report.check(f"with the same successor: {same} of {len(pairs)}", same == len(pairs))
    after = [client.refresh(pair[0].body["refresh"]).status for (client, _), pair in zip(users, pairs, strict=True)]
    report.check("which works", set(after) == {200})
    report.tried = 2 * len(users)
    return report


def one_code_twice(hosts: Hosts) -> Report:
    report = Report(4, "one SMS code, two hosts", "one session")

    def ask(number: int) -> tuple[Client, Answer, str]:
        client, phone = hosts.user(), _phone(5000 + number)
        asked = client.sign_up(phone)
        return client, asked, hosts.read(phone, asked)

    def log_in(case: tuple[Client, Answer, str], host: int) -> Answer:
        client, asked, code = case
        body = {"challenge_id": asked.body["challenge_id"], "code": code}
        return _to(host, client, "POST", "/api/auth/login", body)

    answers = on_both(at_once(ask, range(PAIRS), threads=16), log_in)
    kinds = Counter(tuple(sorted(answer.status for answer in pair)) for pair in answers)
    report.check(f"of two log-ins at once one succeeds: {dict(kinds)}", set(kinds) == {(200, 400)})
    report.tried = 2 * PAIRS
    return report


def on_both(items: list[Any], call: Any) -> list[tuple[Answer, Answer]]:
    """What the call for each item and each host gives, both at the same moment, for many items at once."""
    calls = [(item, host) for item in items for host in (0, 1)]
    answers = at_once(lambda each: call(*each), calls, threads=24)
    return list(zip(answers[::2], answers[1::2], strict=True))


def _to(host: int, client: Client, method: str, path: str, body: Any = None, token: str = "") -> Answer:
    return client.call(method, path, body, token, **{"X-Host": str(host)})


def _vote(voter: SignedIn, code: str, host: int) -> Answer:
    client, signed_in = voter
    return _to(host, client, "POST", "/api/v1/profiles/me", {"activated_invite": code}, signed_in["token"])


def _sign_in(hosts: Hosts, number: int) -> SignedIn:
    client = hosts.user()
    return client, hosts.sign_in(client, _phone(number)).body


def _invite_code(user: SignedIn) -> str:
    client, signed_in = user
    return str(client.me(signed_in["token"]).body["invite_code"])


def _count(hosts: Hosts, code: str) -> int:
    """The votes of a code, in the rows and in its count, which must agree."""
    rows, count = hosts.rows(
        """SELECT (SELECT count(*) FROM profiles_activation WHERE inviter_id = user_id), invitations_count
             FROM profiles_profile WHERE invite_code = %s""",
        code,
    )[0]
    return int(rows) if rows == count else -1


def _phone(number: int) -> str:
    return f"99188{number:05}"
