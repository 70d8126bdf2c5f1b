"""The API answers JSON whatever `Accept` says. No operation and no refusal answers 406."""

import json
from typing import Any

import pytest

from api.exceptions import MEDIA_TYPE
from tests.support.accounts import SignedInUser, client

pytestmark = pytest.mark.django_db

# The first is what clients of openapi-generator send where a problem is the only documented content.
ACCEPTS = [
    "application/problem+json",
    "application/json",
    "application/json;version=2",
    "application/vnd.example+json",
    "text/html",
    "image/*;q=0",
    "application/json;q=0",
    "*/*;q=0",
    "*",
    "nonsense/",
    ";;,,q=x",
    "",
    "\xff\x00é",
    "a/b," * 2000,
]
accepts = pytest.mark.parametrize("accept", ACCEPTS, ids=lambda accept: accept[:30])
ME = "/api/v1/profiles/me"


def answered(answer: Any, status: int) -> Any:
    """The body of a response that must have this status, and JSON or nothing in it."""
    assert answer.status_code == status, answer.content
    if status == 204:
        assert not answer.content
        return None
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    assert answer["Content-Type"] == (MEDIA_TYPE if status >= 400 else "application/json")
    return json.loads(content)


@accepts
def test_every_operation_of_a_user_answers_alike(accept: str) -> None:
    api = client(HTTP_ACCEPT=accept)

    def post(path: str, status: int, **body: str) -> Any:
        return answered(api.post(path, body), status)

    def sign_in() -> dict[str, Any]:
        asked = post("/api/auth/signup", 200, phone="9991110001")
        tokens = post("/api/auth/login", 200, code=asked["code"], challenge_id=asked["challenge_id"])
        api.defaults["HTTP_AUTHORIZATION"] = f"Bearer {tokens['token']}"
        return dict(tokens)

    tokens = sign_in()
    me = answered(api.get(ME), 200)
    for path in ("/invitations", "/export"):
        answered(api.get(ME + path), 200)
    post(ME, 409, activated_invite=me["invite_code"])
    pair = post("/api/auth/refresh", 200, refresh=tokens["refresh"])
    post("/api/auth/logout", 204, refresh=pair["refresh"])
    sign_in()
    (device,) = answered(api.get("/api/v1/devices"), 200)
    answered(api.delete(f"/api/v1/devices/{device['id']}"), 204)
    sign_in()
    answered(api.delete("/api/v1/devices"), 204)
    sign_in()
    answered(api.delete(ME), 204)
    answered(api.get(ME), 401)


@accepts
def test_every_list_for_staff_answers_alike(staff: SignedInUser, accept: str) -> None:
    answered(staff.api.get("/api/v1/profiles", HTTP_ACCEPT=accept), 200)
    answered(staff.api.get(f"/api/v1/profiles/{staff.profile.pk}/", HTTP_ACCEPT=accept), 200)


@accepts
@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "options", "head"])
def test_unknown_paths_and_methods_are_problems(method: str, accept: str) -> None:
    api = client(HTTP_ACCEPT=accept)

    for path, status in (("/api/", 404), ("/api/nowhere", 404), ("/api/v1/devices/x", 404), ("/api/auth/signup", 405)):
        if (method, status) == ("post", 405):
            continue
        answer = getattr(api, method)(path)
        assert (answer.status_code, answer["Content-Type"]) == (status, MEDIA_TYPE)


@accepts
def test_unreadable_foreign_and_large_requests_are_problems(accept: str) -> None:
    api = client(HTTP_ACCEPT=accept)

    answered(api.post("/api/auth/signup", b"{", content_type="application/json"), 400)
    answered(api.post("/api/auth/signup", b"x", content_type="text/plain"), 415)
    answered(api.post("/api/auth/signup", b" " * (64 * 1024 + 1), content_type="application/json"), 413)
    answered(api.get(ME, HTTP_HOST="else.where.example"), 400)


@pytest.mark.parametrize("query", ["?format=xml", "?format=json", "?format="])
def test_format_in_the_query_changes_nothing(query: str) -> None:
    answered(client().post(f"/api/auth/signup{query}", {"phone": "9991110001"}), 200)


@accepts
def test_document_is_served_too(accept: str) -> None:
    assert client().get("/schema", HTTP_ACCEPT=accept).status_code == 200
