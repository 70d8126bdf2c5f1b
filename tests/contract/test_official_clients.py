"""The clients in `clients`, as they are installed, against the running service over a network that loses messages."""

import random
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest

from tests.contract.official import App, built_python, built_typescript, problem
from tests.support.forged_tokens import HEADER, claims, sealed
from tests.support.lossy_proxy import LossyProxy, lossy_proxy
from tests.support.service import Service, ready_service
from users.keys import hkdf_sha256

pytestmark = [pytest.mark.contract, pytest.mark.long]

SECRET_KEY = "a key with which these tests make an expired token"
ME, REFRESH, LOGIN = "/api/v1/profiles/me", "POST /api/auth/refresh", "POST /api/auth/login"
PHONES = count(9_992_220_001)


@pytest.fixture(scope="module")
def python_client(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return built_python(tmp_path_factory.mktemp("python"))


@pytest.fixture(scope="module")
def typescript_client(node: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return built_typescript(tmp_path_factory.mktemp("typescript"))


@pytest.fixture(scope="module")
def api() -> Iterator[Service]:
    with ready_service(SECRET_KEY=SECRET_KEY) as service:
        yield service


@pytest.fixture
def proxy(api: Service) -> Iterator[LossyProxy]:
    with lossy_proxy(api.port) as proxy:
        yield proxy


@pytest.fixture(params=["python_client", "typescript_client"])
def make_app(request: pytest.FixtureRequest, proxy: LossyProxy, tmp_path: Path) -> Callable[[str], App]:
    command = request.getfixturevalue(request.param)
    return lambda name: App(command, proxy.site, tmp_path / f"{name}.json")


@pytest.fixture
def phone() -> str:
    return str(next(PHONES))


@pytest.fixture
def app(make_app: Callable[[str], App], phone: str) -> App:
    """An app whose user has signed in with `phone`."""
    app = make_app("app")
    assert app("sign_in", phone) == {"done": True}
    assert set(app.store) == {"refresh", "access", "device_token"}
    return app


def test_whole_flow(make_app: Callable[[str], App]) -> None:
    assert make_app("first")("flow", next(PHONES), next(PHONES)) == {"done": None}


def test_many_requests_with_an_expired_token_refresh_once(app: App, phone: str, proxy: LossyProxy) -> None:
    first: list[str] = []

    def expired(token: str) -> str:
        first.append(token)
        return token if token != first[0] else sealed(HEADER, claims(token) | {"exp": 1}, key)

    key = hkdf_sha256(SECRET_KEY.encode(), b"token")
    proxy.replaced = expired

    assert app("read", 20) == {"done": [phone] * 20}

    # One for the start of the app, and one for all of the refused requests.
    assert proxy.received[REFRESH] == 2
    assert proxy.received[f"GET {ME}"] <= 40


def test_user_stays_signed_in_while_messages_are_lost(app: App, proxy: LossyProxy) -> None:
    proxy.loss, proxy.chance = 0.15, random.Random(7)

    done = app("walk", 300)["done"]

    assert done > 200
    assert proxy.received[REFRESH] > 60
    assert "refresh" in app.store
    proxy.loss = 0
    assert "done" in app("read", 1)


def test_lost_responses_of_the_sign_in_and_of_the_refresh(make_app: Callable[[str], App], proxy: LossyProxy) -> None:
    proxy.lose = ["POST /api/auth/signup", LOGIN, REFRESH, REFRESH, f"GET {ME}"]
    app, phone = make_app("app"), str(next(PHONES))

    assert app("sign_in", phone)["done"] in (True, False)
    assert app("read", 3) == {"done": [phone] * 3}

    assert proxy.lose == []
    assert (proxy.received[LOGIN], proxy.received[REFRESH]) == (2, 3)


@pytest.mark.parametrize("action", ["end", "erase"])
def test_lost_response_to_an_end_is_a_success(app: App, proxy: LossyProxy, action: str) -> None:
    proxy.lose = ["DELETE /api/v1/devices", f"DELETE {ME}"]

    assert app(action) == {"done": None}
    assert app.store == {}


def test_lost_response_to_an_activation_is_a_success(app: App, api: Service, proxy: LossyProxy) -> None:
    inviter = api.sign_in(str(next(PHONES)))["token"]
    code = api.call(ME, token=inviter)["invite_code"]
    proxy.lose = [f"POST {ME}"]

    assert app("activate", f"{code[:3]}-{code[3:].lower()}") == {"done": code}
    assert proxy.received[f"POST {ME}"] == 2


def test_stolen_refresh_token_is_found_out(app: App, api: Service, phone: str) -> None:
    stolen = api.call("/api/auth/refresh", {"refresh": app.store["refresh"]})
    assert api.call(ME, token=stolen["token"])["phone"] == phone
    with psycopg.connect(**api.database) as database:
        database.execute("UPDATE users_device SET refreshed_at = refreshed_at - interval '11 seconds'")

    assert app("read", 1)["refused"] == "token_revoked"
    assert set(app.store) == {"device_token"}
    with pytest.raises(OSError, match="401"):
        api.call("/api/auth/refresh", {"refresh": stolen["refresh"]})


def test_reading_waits_for_retry_after(app: App, phone: str, proxy: LossyProxy) -> None:
    proxy.answers = {f"GET {ME}": [problem(429, 1), problem(503, 1)], REFRESH: [problem(503, 1)]}
    started = time.monotonic()

    assert app("read", 1) == {"done": [phone]}
    assert time.monotonic() - started >= 3


def test_longest_wait_is_kept(app: App, proxy: LossyProxy) -> None:
    proxy.answers = {f"GET {ME}": [problem(429, 3), problem(429, 3)]}

    assert app("read", 1) == {"refused": "too_many_requests", "status": 429, "retry_after": 3}


@pytest.mark.parametrize("waiting", [REFRESH, f"GET {ME}"])
def test_abort_ends_every_wait(
    typescript_client: list[str], proxy: LossyProxy, tmp_path: Path, phone: str, waiting: str
) -> None:
    app = App(typescript_client, proxy.site, tmp_path / "app.json")
    app("sign_in", phone)
    proxy.answers = {waiting: [problem(503, 4)]}

    name, seconds, read = app("abort")["done"]

    assert (name, read) == ("TimeoutError", phone) and seconds < 4


def test_refused_activation_is_no_success_and_does_not_wait(app: App) -> None:
    assert app("activate", "–")["refused"] == "invalid"
    for _ in range(10):
        assert app("activate", "AAAAAA")["refused"] == "invite_code_not_found"

    refusal = app("activate", "AAAAAA")
    assert refusal["refused"] == "too_many_requests" and refusal["retry_after"] > 60


def test_page_of_a_proxy_is_no_response(app: App, phone: str, proxy: LossyProxy) -> None:
    page = (502, {"Content-Type": "text/html"}, b"<h1>Bad gateway</h1>")
    portal = (200, {"Content-Type": "text/html"}, b"<h1>Welcome to our network</h1>")
    moved = (302, {"Location": "https://portal.example.org/"}, b"")
    proxy.answers = {f"GET {ME}": [page, portal], REFRESH: [moved]}

    assert app("read", 1) == {"done": [phone]}

    of_no_members = (503, {"Content-Type": "application/problem+json"}, b'"code"')
    proxy.answers = {f"GET {ME}": [page, of_no_members, page]}
    assert app("read", 1)["refused"] == "unavailable"


def test_app_that_crashed_while_it_refreshed_waits(app: App, phone: str) -> None:
    app.keep("refreshing", str((time.time() - 6) * (1 if app.is_python else 1000)))  # as the languages count
    started = time.monotonic()

    assert app("read", 1) == {"done": [phone]}
    assert time.monotonic() - started > 1.9
    assert "refreshing" not in app.store


def test_next_process_uses_the_stored_access_token(app: App, phone: str, proxy: LossyProxy) -> None:
    assert app.soon("read", 1) == {"done": [phone]}
    assert proxy.received[REFRESH] == 0


def test_sign_out_keeps_only_the_device(app: App, api: Service) -> None:
    refresh = app.store["refresh"]

    assert app("sign_out") == {"done": None}

    assert set(app.store) == {"device_token"}
    assert app("read", 1)["refused"] == "not_authenticated"
    with pytest.raises(OSError, match="401"):
        api.call("/api/auth/refresh", {"refresh": refresh})


def test_client_does_nothing_to_the_next_user(make_app: Callable[[str], App], proxy: LossyProxy, phone: str) -> None:
    assert make_app("app")("change", phone, other := str(next(PHONES))) == {"done": other}
    assert make_app("third")("end_before", phone, other) == {"done": other}
    proxy.answers = {f"GET {ME}": [problem(503, 3)]}
    assert make_app("anew")("replace", phone, other) == {"done": ["token_revoked", other]}


def test_crash_in_a_sign_in_leaves_no_tokens_of_a_former_user(make_app: Callable[[str], App]) -> None:
    app = make_app("app")
    states = [app.plain(state) for state in app("states", next(PHONES), next(PHONES))["done"]]

    beside = {(state[name], state["device_token"]) for state in states for name in {"refresh", "access"} & set(state)}
    assert len(beside) == 4  # two tokens of each user, each beside one device


def test_all_pages_are_read(app: App, api: Service, phone: str, proxy: LossyProxy) -> None:
    with psycopg.connect(**api.database) as database:
        database.execute(VOTES, [f"+7{phone}"])

    phones = app("invitations")["done"]

    assert len(phones) == len(set(phones)) == 120
    assert proxy.received[f"GET {ME}/invitations"] == 3


VOTES = """
WITH inviter AS (SELECT id FROM users_user WHERE phone = %s),
     voter AS (INSERT INTO users_user (phone, verified_at)
         SELECT '+7999' || (4440000 + n + 1000 * (SELECT id FROM inviter)), now() FROM generate_series(1, 120) AS n
         RETURNING id),
     profile AS (INSERT INTO profiles_profile (user_id, invite_code, created_at)
         SELECT id, 'ZZ' || translate(lpad((id %% 10000)::text, 4, '0'), '01', 'AB'), now() FROM voter
         RETURNING user_id)
INSERT INTO profiles_activation (invitee_id, inviter_id, created_at)
SELECT user_id, inviter.id, now() FROM profile, inviter
"""
