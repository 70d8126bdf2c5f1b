"""Any cursor that a client sends gets a page or a refusal, never a server error."""

import base64
import json
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.accounts import SignedInUser
from tests.support.many_users import crowd

pytestmark = pytest.mark.django_db

LISTS = ["/api/v1/profiles?ordering=invitations_count", "/api/v1/profiles", "/api/v1/profiles/me/invitations"]
FUZZED = settings(
    max_examples=150,
    derandomize=True,
    deadline=None,
    # The examples only read, so they may share their users.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def packed(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def read(staff: SignedInUser, start: str, cursor: str | bytes) -> Any:
    path, _, query = start.partition("?")
    return staff.api.get(path, {**dict(parse_qsl(query)), "cursor": cursor})


@pytest.mark.parametrize("start", LISTS)
@pytest.mark.parametrize(
    "cursor",
    ["x", "!!!", "é", "\0", "a" * 5000, base64.urlsafe_b64encode(b"\xff\xfe").decode()]
    + [packed(value) for value in (None, 1, "text", [], {}, {"a": 1}, [1, 2, 3, 4], ["-created_at", 1, "a", "b"])]
    + [packed(["-created_at", False, *edge]) for edge in ((), ("a",), ("a", "1"), (None, None), ("", ""), (1, 1))]
    + [packed(["invitations_count", False, *edge]) for edge in (("1", "x"), ("NaN", "1"), ("1e5", "1"), ([], {}))]
    + [packed(["-created_at", False, edge, "1"]) for edge in ("2030-01-01T00:00:00", "2030-02-30T00:00:00Z", "\0")]
    + ["W1tbW1tb" * 9000],
)
def test_value_that_is_not_a_cursor_of_this_list_is_invalid(staff: SignedInUser, start: str, cursor: str) -> None:
    answer = read(staff, start, cursor)

    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid"
    assert [error["field"] for error in answer.json()["errors"]] == ["cursor"]


@pytest.mark.parametrize("number", ["-1", "2147483648", "9223372036854775808", "9" * 200, "-" + "9" * 4000])
@pytest.mark.parametrize("field", [0, 1])
def test_number_beyond_the_column_is_a_page_or_a_refusal(staff: SignedInUser, number: str, field: int) -> None:
    edge = ["1", "1"]
    edge[field] = number

    answer = read(staff, LISTS[0], packed(["invitations_count", False, *edge]))

    assert answer.status_code in (200, 400)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999-14:00"])
def test_latest_possible_time_is_a_page_or_a_refusal(staff: SignedInUser, moment: str) -> None:
    answer = staff.api.get("/api/v1/profiles", {"cursor": packed(["-created_at", False, moment, "1"])})

    assert answer.status_code in (200, 400)


def test_cursor_of_another_list_is_invalid(staff: SignedInUser) -> None:
    crowd(60, staff.profile)
    page = staff.api.get("/api/v1/profiles", {"ordering": "invitations_count"}).json()

    answer = staff.api.get(page["next"].replace("ordering=invitations_count", "ordering=-created_at"))

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "cursor"


def test_empty_cursor_is_the_first_page(staff: SignedInUser) -> None:
    for start in LISTS:
        first, page = staff.api.get(start).json(), read(staff, start, "").json()

        assert (page["results"], page["next_cursor"]) == (first["results"], first["next_cursor"])
        assert page["previous_cursor"] is None


values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.datetimes().map(str),
    st.integers().map(str), st.datetimes(timezones=st.timezones()).map(lambda time: time.isoformat()),
    st.sampled_from(["-created_at", "invitations_count"]),
)  # fmt: skip
shaped = st.tuples(st.sampled_from(["invitations_count", "-created_at"]), st.booleans(), values, values).map(packed)
cursors = st.one_of(st.text(min_size=1), st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()), shaped)


@pytest.mark.long
@FUZZED
@given(cursor=cursors)
def test_no_cursor_causes_a_server_error(staff: SignedInUser, cursor: str) -> None:
    sent = cursor.encode("utf-8", "surrogatepass")

    for start in LISTS:
        answer = read(staff, start, sent)

        assert answer.status_code == 200 or answer.json()["code"] == "invalid"


@pytest.fixture
def cursor(staff: SignedInUser) -> str:
    """A cursor that the service gave to a client."""
    crowd(51)
    link: str = staff.api.get("/api/v1/profiles").json()["next"]
    return link.split("cursor=")[1]


@pytest.mark.long
@FUZZED
@given(data=st.data())
def test_cursor_with_one_character_changed_is_a_page_or_a_refusal(
    staff: SignedInUser, cursor: str, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(cursor) - 1))
    changed = cursor[:at] + data.draw(st.characters(codec="ascii")) + cursor[at + 1 :]

    answer = staff.api.get("/api/v1/profiles", {"cursor": changed})

    assert answer.status_code == 200 or answer.json()["code"] == "invalid"
