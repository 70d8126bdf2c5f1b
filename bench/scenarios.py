"""The requests of the speed measurement."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address
from itertools import count, islice

from bench import dataset
from bench.dataset import CELEBRITY, OPERATOR
from bench.env import BenchEnv
from bench.wrk import Request, Requests

ME = "/api/v1/profiles/me"
INVITATIONS = f"{ME}/invitations"
PROFILES = "/api/v1/profiles"
# Different users who read their profiles.
READERS = 10_000
# More requests than any server here answers in a second.
WRITES_PER_SECOND = 2500
DEEP_PAGE = 1000

_sign_ups = count()


@dataclass(frozen=True)
class Scenario:
    """A load. `prepare` makes the requests for a number of seconds, anew for each load, because codes expire."""

    name: str
    prepare: Callable[[float], Requests]
    # The baselines that answer the same requests.
    baselines: tuple[str, ...] = ()
    connections: int = 16


def compared(env: BenchEnv) -> list[Scenario]:
    """The four requests that baselines answer too."""
    readers = dataset.spread(env.users, min(READERS, env.users // 2))
    return [
        Scenario("GET me", lambda _: _reads(env, readers, ME), ("bare", "drf")),
        Scenario("POST signup", lambda seconds: sign_ups(env, seconds), ("bare",)),
        Scenario("POST login", lambda seconds: logins(env, seconds), ("bare",)),
        Scenario("POST me", lambda seconds: activations(env, seconds), ("bare",)),
    ]


def alone(env: BenchEnv) -> list[Scenario]:
    """What is compared with another load of the service: the celebrity, deep pages."""
    env.database.execute("UPDATE users_user SET is_staff = true, is_superuser = true WHERE id = %s", [OPERATOR])
    return [
        Scenario("GET me, celebrity", lambda _: _reads(env, [CELEBRITY], ME)),
        Scenario("POST me, 40 clients", lambda seconds: activations(env, seconds), connections=40),
        Scenario("POST me, 40 clients, celebrity", lambda s: activations(env, s, CELEBRITY), connections=40),
        *_pages(env, "GET invitations", CELEBRITY, INVITATIONS),
        *_pages(env, "GET profiles by -created_at", OPERATOR, f"{PROFILES}?ordering=-created_at"),
        *_pages(env, "GET profiles by -invitations_count", OPERATOR, f"{PROFILES}?ordering=-invitations_count"),
    ]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _reads(env: BenchEnv, users: Iterable[int], path: str) -> Requests:
    return Requests([Request(path, bearer(token)) for token in dataset.tokens(users)])


def sign_ups(env: BenchEnv, seconds: float) -> Requests:
    """New phones, each from an address of its own."""
    env.count_sms()
    requests = []
    for number in islice(_sign_ups, round(WRITES_PER_SECOND * seconds)):
        address = str(IPv4Address("10.0.0.0") + number)
        requests.append(_post("/api/auth/signup", {"phone": f"+7999{number:07}"}, {"X-Forwarded-For": address}))
    return Requests(requests, once=True)


def logins(env: BenchEnv, seconds: float) -> Requests:
    env.delete_codes()
    wanted = min(round(WRITES_PER_SECOND * seconds), env.users // 2)
    made = dataset.challenges(env.database, wanted)
    bodies = [{"challenge_id": challenge, "code": code} for challenge, code in made]
    return Requests([_post("/api/auth/login", body) for body in bodies], once=True)


def activations(env: BenchEnv, seconds: float, inviter: int | None = None) -> Requests:
    """Votes of users who have none: for this inviter, or spread over all."""
    env.delete_new_votes()
    voters = dataset.not_voted(env.database, round(WRITES_PER_SECOND * seconds))
    inviters = [inviter] if inviter else dataset.spread(env.users, min(READERS, env.users // 2))
    requests = []
    for number, (voter, token) in enumerate(zip(voters, dataset.tokens(voters), strict=True)):
        chosen = inviters[number % len(inviters)]
        if chosen != voter:
            requests.append(_post(ME, {"activated_invite": dataset.invite_code(chosen)}, bearer(token)))
    return Requests(requests, once=True)


def _post(path: str, body: dict[str, str], headers: dict[str, str] | None = None) -> Request:
    return Request(path, headers or {}, json.dumps(body))


def _pages(env: BenchEnv, name: str, user: int, path: str) -> list[Scenario]:
    """The first page of a list, and the one that DEEP_PAGE links lead to, or the last but one."""
    [token] = dataset.tokens([user])
    client, pages = env.client(), [path]
    while len(pages) <= DEEP_PAGE and (url := client.call("GET", pages[-1], token=token).body["next"]):
        pages.append(url[url.index("/api/") :])
    pages = pages[:-1] or pages
    places = {name: path, f"{name}, deep page": pages[-1]}
    return [Scenario(each, lambda _, at=at: _reads(env, [user], at)) for each, at in places.items()]  # type: ignore[misc]
