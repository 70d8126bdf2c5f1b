"""What a response costs: SQL statements and bytes of its body. Neither may grow unnoticed.

Where something became cheaper, lower its numbers; where it must cost more, raise them and say why in the commit.
"""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.support.accounts import client, registered, signed_in
from tests.support.login_steps import right
from tests.support.many_users import crowd
from tests.support.operators import at_work
from users.models import User

pytestmark = pytest.mark.django_db

# Bytes of the admin's pages may differ by this much: written dates differ in length.
ANY = 10**6

AT_MOST = {
    # what is asked: (statements, but for those of transactions; bytes)
    "signup, new": (7, 141),
    "login, new": (5, 779),
    "signup, known device": (7, 141),
    "login, known device": (5, 780),
    "refresh": (2, 675),
    "me, empty": (1, 250),
    "activate, wrong": (4, 227),
    "activate": (5, 311),
    "activate, again": (3, 257),
    "me, full": (1, 1101),
    "invitations": (2, 3353),
    "invitations, next": (2, 909),
    "export": (16, 6230),
    "devices": (2, 198),
    "logout": (1, 0),
    "me, signed out": (2, 212),
    "profiles": (4, 8538),
    "profiles, one": (5, 171),
    # One of each page asks whether the operator has a second factor, and one finds the keys of the page's rows.
    "admin, users/user": (6, ANY),
    "admin, users/device": (6, ANY),
    "admin, users/logincode": (6, ANY),
    "admin, users/smsdelivery": (6, ANY),
    "admin, profiles/profile": (7, ANY),
    "admin, profiles/activation": (6, ANY),
    "admin, procrastinate/procrastinatejob": (7, ANY),
}


class Bill:
    """What each request cost."""

    def __init__(self) -> None:
        self.costs: dict[str, tuple[int, int]] = {}

    def of(self, name: str, request: Callable[[], Any], status: int = 200) -> Any:
        """The response to this request; its cost is recorded."""
        with CaptureQueriesContext(connection) as queries:
            answer = request()
            body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        assert answer.status_code == status, (name, body)
        # In a test the transaction is a savepoint; in the service it is BEGIN and COMMIT.
        statements = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
        self.costs[name] = (len(statements), len(body))
        return answer


@pytest.fixture
def bill(settings: Any) -> Bill:
    """A bill for a service with a gateway, so that all limits are read. Ids have six digits."""
    settings.DEMO, settings.SMS_GATEWAYS = False, ["webhook+http://127.0.0.1:9/"]
    with connection.cursor() as cursor:
        for table in ("users_user", "users_device", "users_logincode", "users_challenge", "users_smsdelivery"):
            cursor.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), 100000)", [table])
    return Bill()


def sign_in(bill: Bill, who: str, phone: str, **signup: Any) -> Any:
    api = client()
    asked = bill.of(f"signup, {who}", lambda: api.post("/api/auth/signup", {"phone": phone, **signup})).json()
    body = {"code": right(asked["challenge_id"]), "challenge_id": asked["challenge_id"]}
    answer = bill.of(f"login, {who}", lambda: api.post("/api/auth/login", body)).json()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {answer['token']}")
    return api, answer


def too_dear(bill: Bill) -> list[str]:
    """The costs that grew, as text."""
    return [
        f"{name}: {statements} statements and {size} bytes, where {AT_MOST[name]} are allowed"
        for name, (statements, size) in bill.costs.items()
        if statements > AT_MOST[name][0] or size > AT_MOST[name][1]
    ]


def test_requests_of_a_user_cost_no_more_than_before(bill: Bill) -> None:
    me, auth = "/api/v1/profiles/me", "/api/auth"
    code = registered("9991110002").invite_code
    api, first = sign_in(bill, "new", "9991110001")
    api, second = sign_in(bill, "known device", "9991110001", device_token=first["device_token"])
    again = bill.of("refresh", lambda: api.post(f"{auth}/refresh", {"refresh": second["refresh"]})).json()

    bill.of("me, empty", lambda: api.get(me))
    bill.of("activate, wrong", lambda: api.post(me, {"activated_invite": "ZZZZZZ"}), 404)
    bill.of("activate", lambda: api.post(me, {"activated_invite": code}))
    bill.of("activate, again", lambda: api.post(me, {"activated_invite": code}), 409)
    crowd(60, User.objects.get(phone="+79991110001").profile)
    answer = bill.of("me, full", lambda: api.get(me)).json()
    bill.of("invitations", lambda: api.get(f"{me}/invitations"))
    bill.of("invitations, next", lambda: api.get(answer["invitations_next"]))
    bill.of("export", lambda: api.get(f"{me}/export"))
    bill.of("devices", lambda: api.get("/api/v1/devices"))
    bill.of("logout", lambda: api.post(f"{auth}/logout", {"refresh": again["refresh"]}), 204)
    bill.of("me, signed out", lambda: api.get(me), 401)

    assert not (grown := too_dear(bill)), "\n".join(grown)


def test_requests_of_staff_cost_no_more_than_before(bill: Bill, settings: Any) -> None:
    settings.DEMO = True
    staff = signed_in("9991119999")
    User.objects.filter(phone="+79991119999").update(is_staff=True, is_superuser=True)
    crowd(60)

    bill.of("profiles", lambda: staff.api.get("/api/v1/profiles"))
    bill.of("profiles, one", lambda: staff.api.get(f"/api/v1/profiles/{staff.profile.pk}"))
    browser = at_work(User.objects.get(phone="+79991119999"))
    for name in ("users/user", "users/device", "users/logincode", "users/smsdelivery", "profiles/profile",
                 "profiles/activation", "procrastinate/procrastinatejob"):  # fmt: skip
        bill.of(f"admin, {name}", lambda name=name: browser.get(f"/admin/{name}/"))

    assert not (grown := too_dear(bill)), "\n".join(grown)
