"""Codes as users type them, and malformed ones."""

import json
from typing import Any

import pytest

from tests.support.accounts import client
from tests.support.login_steps import challenge, right, set_code
from users.login import codes

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked() -> str:
    """The challenge id of a new sign-up."""
    return client().post("/api/auth/signup", {"phone": "9991234567"}).json()["challenge_id"]


def login(code: Any, challenge_id: str) -> Any:
    text = json.dumps({"code": code, "challenge_id": challenge_id})  # ASCII, so that any character passes
    return client().post("/api/auth/login", text, content_type="application/json")


@pytest.mark.parametrize(
    "code",
    [
        1234, 12.5, True, None, ["1", "2", "3", "4"], {"code": "1234"},
        "", "123", "12345", "1234567890", "1" * 10_000, "12a4", "12.4", "+123", " - ",
        "１２３", "١٢٣٤٥", "½234", "12\x0034", "\ud800123",
    ],
)  # fmt: skip
def test_malformed_code_consumes_no_attempt(asked: str, code: Any) -> None:
    answer = login(code, asked)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert [error["field"] for error in answer.json()["errors"]] == ["code"]
    assert (challenge(asked).attempts, challenge(asked).login_code.wrong) == (0, 0)


@pytest.mark.parametrize(
    "text",
    ["Your code is {}", "<#> {} abc", "code: {}", "{}.", "#{}", "({})", "'{}'", "{} {}", "@localhost #{}", "{}️⃣ ok"],
)
@pytest.mark.parametrize("spelling", ["{}{}{}{}", "{}{} {}{}"])
def test_text_around_a_code_is_malformed_and_consumes_no_attempt(asked: str, text: str, spelling: str) -> None:
    code = spelling.format(*right(asked))

    answer = login(text.replace("{}", code), asked)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert challenge(asked).attempts == 0
    assert login(code, asked).status_code == 200


def test_malformed_code_gets_the_same_response_without_a_challenge() -> None:
    assert login("123", "unknown").json()["code"] == "invalid"
    assert login("1234567890", "unknown").json()["code"] == "invalid_code"


@pytest.mark.parametrize("spelling", ["{0}{1}{2}{3}", " {0}{1} {2}{3} ", "{0}{1}-{2}{3}", "{0} {1}\u00a0{2}\t{3}\n"])
def test_spaces_and_dashes_are_ignored(asked: str, spelling: str) -> None:
    assert login(spelling.format(*right(asked)), asked).status_code == 200


def test_leading_zeros_of_a_code_must_be_typed(asked: str) -> None:
    nonce = next(n for n in iter(codes.new_nonce, None) if codes.derive(n, codes.SHORT).startswith("00"))
    set_code(asked, nonce=nonce)
    code = right(asked)

    assert login(int(code), asked).json()["code"] == "invalid"
    assert login(str(int(code)), asked).json()["code"] == "invalid"
    assert login(code, asked).status_code == 200
