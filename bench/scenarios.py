"""What is asked of the service and of its yardsticks."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import count
from typing import Any

from django.db.models import QuerySet

from api.pagination import PAGE_SIZE, Keyset
from bench import people
from bench.load import Deck, Request
from bench.measure import Scenario
from bench.stage import Stage
from bench.traffic import SIGN_UPS_PER_ADDRESS

ME = "/api/v1/profiles/me"
INVITATIONS = f"{ME}/invitations"
PROFILES = "/api/v1/profiles"
# Different people who read their profiles.
READERS = 10_000

# Requests good once that are made ready for each second of load; above what any server here answers.
WRITES_PER_SECOND = 2500

OPERATOR = 2
DEEP_PAGE = 1000

_new = count()


def everyone(stage: Stage) -> list[Scenario]:
    """What every yardstick answers too."""
    readers = people.spread(stage.people, min(READERS, stage.people // 2))
    return [
        Scenario("GET me", lambda _: _reads(stage, readers, ME)),
        Scenario("GET me, celebrity", lambda _: _reads(stage, [people.CELEBRITY], ME)),
    ]


def writes(stage: Stage) -> list[Scenario]:
    """What the bare yardstick may answer too."""
    return [
        Scenario("POST signup", lambda seconds: sign_ups(stage, seconds)),
        Scenario("POST login", lambda seconds: logins(stage, seconds)),
        Scenario("POST me", lambda seconds: activations(stage, seconds)),
    ]


def own(stage: Stage) -> list[Scenario]:
    """What the service alone is asked."""
    make_operator(stage)
    return [
        Scenario("POST signup, SMS sent meanwhile", lambda seconds: sign_ups(stage, seconds), sends_sms=True),
        Scenario("POST me, 40 clients", lambda seconds: activations(stage, seconds), connections=40),
        Scenario(
            "POST me, 40 clients, celebrity",
            lambda seconds: activations(stage, seconds, people.CELEBRITY),
            connections=40,
        ),
        *(_listed(stage, name, people.CELEBRITY, path) for name, path in _invitations_pages().items()),
        *(_listed(stage, name, OPERATOR, path) for name, path in _profiles_pages(stage).items()),
    ]


def _reads(stage: Stage, ids: Iterable[int], path: str) -> Deck:
    return Deck([Request(path, bearer(token)) for token in people.tokens(stage.data, ids)])


def _listed(stage: Stage, name: str, reader: int, path: str) -> Scenario:
    return Scenario(name, lambda _: _reads(stage, [reader], path), brief=True)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def sign_ups(stage: Stage, seconds: float) -> Deck:
    """New phones, and an address for every few of them, who do not ask at once: those of one address take turns."""
    stage.count_site()
    asked = [next_sign_up()[0] for _ in range(round(WRITES_PER_SECOND * seconds))]
    return Deck([request for nth in range(SIGN_UPS_PER_ADDRESS) for request in asked[nth::SIGN_UPS_PER_ADDRESS]], True)


def next_sign_up() -> tuple[Request, str]:
    """Of somebody new, and their phone."""
    number = next(_new)
    phone = f"+7999{number:07}"
    return _post("/api/auth/signup", {"phone": phone}, {"X-Forwarded-For": address(number)}), phone


def address(number: int) -> str:
    """Of the client who signs up as so manieth."""
    number //= SIGN_UPS_PER_ADDRESS
    return f"10.{number // 62500 % 250}.{number // 250 % 250}.{number % 250 + 1}"


def logins(stage: Stage, seconds: float) -> Deck:
    stage.forget_codes()
    wanted = min(round(WRITES_PER_SECOND * seconds), stage.people // 2)
    asked = people.challenges(stage.connection, stage.data, wanted)
    return Deck([login(challenge, code) for challenge, code in asked], once=True)


def login(challenge_id: str, code: str) -> Request:
    return _post("/api/auth/login", {"challenge_id": challenge_id, "code": code})


def activations(stage: Stage, seconds: float, inviter: int | None = None) -> Deck:
    """Votes of people who have none: for this person, or spread over all."""
    stage.take_back_votes()
    voters = people.not_voted(stage.connection, min(round(WRITES_PER_SECOND * seconds), stage.people // 11))
    inviters = people.spread(stage.people, min(READERS, stage.people // 2))
    requests = []
    for number, (voter, token) in enumerate(zip(voters, people.tokens(stage.data, voters), strict=True)):
        chosen = inviter or inviters[number % len(inviters)]
        if chosen != voter:
            requests.append(_post(ME, {"activated_invite": people.invite_code(chosen)}, bearer(token)))
    return Deck(requests, once=True)


def _post(path: str, body: Any, headers: dict[str, str] | None = None) -> Request:
    return Request(path, headers or {}, json.dumps(body))


def make_operator(stage: Stage) -> None:
    stage.connection.execute("UPDATE users_user SET is_staff = true, is_superuser = true WHERE id = %s", [OPERATOR])


def _invitations_pages() -> dict[str, str]:
    from api.profile_views import INVITATIONS as KEYSET
    from profiles.models import Activation

    votes = Activation.objects.filter(inviter_id=people.CELEBRITY)
    return _first_and_deep("GET invitations", KEYSET, INVITATIONS, votes)


def _profiles_pages(stage: Stage) -> dict[str, str]:
    from api.profile_views import PROFILE_ORDERS
    from profiles.models import Profile

    phone = people.phone(stage.people // 2).replace("+", "%2B")
    pages = {
        "GET profiles, by phone": f"{PROFILES}?phone={phone}",
        "GET profiles, activated": f"{PROFILES}?has_activated=true",
        "GET profiles, not activated": f"{PROFILES}?has_activated=false",
    }
    for order, keyset in PROFILE_ORDERS.items():
        path = f"{PROFILES}?ordering={order}"
        pages |= _first_and_deep(f"GET profiles by {order}", keyset, path, Profile.objects.all())
    return pages


def _first_and_deep(name: str, keyset: Keyset, path: str, rows: QuerySet[Any]) -> dict[str, str]:
    """The first page of a list, and page DEEP_PAGE or, where there are fewer, the last but one."""
    page = min(DEEP_PAGE, rows.count() // PAGE_SIZE)
    ordered = rows.order_by(*(f"{'-' * keyset.descending}{field}" for field in keyset.names))
    edge = ordered.values_list(*keyset.names)[(page - 1) * PAGE_SIZE - 1]
    return {f"{name}, first page": path, f"{name}, page {page}": keyset.link_after(path, edge)}
