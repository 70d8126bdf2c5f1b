"""Much bad input: no server error, no slow response, and nothing is written by a refused request.

EXAMPLES is how many inputs a test tries; of bodies a half, of queries a tenth. 22 500 make 103 500 in all.
"""

import base64
import json
import logging
import re
from collections.abc import Iterator
from typing import Any
from unicodedata import category
from urllib.parse import unquote, urlencode

import phonenumbers
import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.problem_codes import PROBLEMS
from profiles import invite_codes
from tests.support.accounts import SignedInUser, client
from tests.support.environment import THOROUGH
from tests.support.hostile_inputs import LETTERS, bodies, content_types, mutated, values, written
from tests.support.login_steps import right
from tests.support.rows_written import rows_written
from tests.support.wsgi_client import Answer, call, quickly
from users import phones, typed
from users.login import signin

pytestmark = pytest.mark.thorough

EXAMPLES = 22_500 if THOROUGH else 200
# Refusals of well-formed requests: an attempt, a failed activation and a theft are kept.
WRITTEN_BY_DESIGN = {"invalid_code", "invite_code_not_found", "token_revoked", "too_many_requests"}

fuzz = settings(
    max_examples=EXAMPLES,
    derandomize=not THOROUGH,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


fuzz_a_half = settings(fuzz, max_examples=EXAMPLES // 2)
fuzz_a_tenth = settings(fuzz, max_examples=EXAMPLES // 10)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """No log lines: pytest would keep one for each request."""
    logging.disable(logging.INFO)
    yield
    logging.disable(logging.NOTSET)


PHONES = ["9991234567", "+7 999 123-45-67", "8 (999) 123-45-67", "00 7 999 123 45 67", "+1 201 555 0123", "tel:112"]


@pytest.mark.parametrize("everywhere", [False, True])
def test_phone_is_refused_or_normalised_to_one_form(settings: Any, everywhere: bool) -> None:
    if everywhere:
        settings.PHONE_REGIONS = list(phonenumbers.SUPPORTED_REGIONS)

    @fuzz
    @given(written(PHONES) | st.from_regex(r"\+?[0-9]{7,16}", fullmatch=True))
    def normalise(text: str) -> None:
        try:
            phone = quickly(lambda: phones.normalise(text))
        except (phones.InvalidPhone, phones.RegionNotAllowed):
            return
        assert re.fullmatch(r"\+[1-9][0-9]{6,14}", phone)
        assert phones.normalise(phone) == phones.normalise(phones.display(phone)) == phone
        assert phones.country(phone) in settings.PHONE_REGIONS

    normalise()


@fuzz
@given(written(["1234", "12 34", "12345-67890", "0000000000"]))
def test_code_has_four_or_ten_digits_or_is_malformed(text: str) -> None:
    plain = typed.clean(text)
    digits = plain.isascii() and plain.isdigit() and len(plain) in (4, 10)

    with pytest.raises(signin.InvalidCode if digits else signin.MalformedCode):
        quickly(lambda: signin.sign_in(text))


@fuzz
@given(written(["K7M4QZ", "k7m-4qz", "K7M 4QZ"]))
def test_invite_code_uses_its_alphabet_or_is_malformed(text: str) -> None:
    letters = typed.latin(typed.clean(unquote(text)))
    plain = "".join(letter for letter in letters if category(letter)[0] not in "PS")
    if plain.isascii() and len(plain) == 6 and set(plain.upper()) <= set(invite_codes.ALPHABET):
        assert invite_codes.normalise(text) == plain.upper()
        return

    with pytest.raises(invite_codes.MalformedInviteCode):
        quickly(lambda: invite_codes.normalise(text))


class Requests:
    """Sends requests, checks the form of their responses, and rolls back what each one wrote."""

    def __init__(self) -> None:
        self.written = rows_written()

    def send(self, *request: Any, **headers: str) -> tuple[Answer, int]:
        """The response, and how many rows the request wrote."""
        with transaction.atomic():
            answer = call(*request, **headers)
            transaction.set_rollback(True)
        before, self.written = self.written, rows_written()
        return answer, self.written - before

    def check(self, *request: Any, **headers: str) -> None:
        answer, written = quickly(lambda: self.send(*request, **headers))
        if answer.status >= 400:
            assert answer.status < 500
            assert PROBLEMS[answer.code].status == answer.status
            assert not written or answer.code in WRITTEN_BY_DESIGN, answer.code


@pytest.mark.django_db
def test_any_body_gets_a_valid_response(alice: SignedInUser, bob: SignedInUser) -> None:
    asked = client().post("/api/auth/signup", {"phone": "9991110009"}).json()["challenge_id"]
    everything = {
        "/api/auth/signup": {"phone": PHONES, "device_token": [alice.device_token], "challenge_id": [asked, ""]},
        "/api/auth/login": {"code": [right(asked), "1234"], "challenge_id": [asked, ""], "phone": ["9991110009"]},
        "/api/auth/refresh": {"refresh": [alice.refresh, alice.token]},
        "/api/auth/logout": {"refresh": [alice.refresh, alice.token]},
        "/api/v1/profiles/me": {"activated_invite": [bob.code, alice.code]},
    }
    requests = st.one_of(*(st.tuples(st.just(path), bodies(fields)) for path, fields in everything.items()))

    api = Requests()

    @fuzz_a_half
    @given(requests, content_types)
    def send(request: tuple[str, bytes], content_type: str) -> None:
        path, body = request
        api.check("POST", path, alice.token, body, CONTENT_TYPE=content_type)

    send()


@pytest.mark.django_db
def test_any_query_gets_a_valid_response(staff: SignedInUser, bob: SignedInUser) -> None:
    edges = ["2026-03-01T09:00:40Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-13-01"]
    cursors = [cursor("-created_at", False, edge, "1") for edge in edges]
    fields = {
        "cursor": mutated(cursors, LETTERS) | st.builds(cursor, st.just("-created_at"), values(edges), values(["1"])),
        "phone": written(PHONES),
        "invite_code": written([bob.code]),
        "created_after": written(edges),
        "created_before": written(edges),
        "has_activated": written(["true", "false"]),
        "ordering": written(["created_at", "-invitations_count"]),
    }

    api = Requests()

    @fuzz_a_tenth
    @given(
        st.sampled_from(["/api/v1/profiles", "/api/v1/profiles/me/invitations"]),
        st.fixed_dictionaries({}, optional=fields),
    )
    def send(path: str, query: dict[str, str]) -> None:
        api.check("GET", f"{path}?{urlencode(query, errors='surrogatepass')}", staff.token)

    send()


def cursor(*values: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")
