"""The client for apps in docs/clients.md against the running service, with responses that are lost."""

import json
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from tests.support.guide import sample
from tests.support.service import Service

PHONE = "9991110041"
ME = "/api/v1/profiles/me"


@pytest.fixture(scope="module")
def recipe() -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(sample("inviting.py"), names)
    return names


def signed_in(recipe: dict[str, Any], service: Service, phone: str) -> Any:
    user = recipe["Inviting"](f"http://127.0.0.1:{service.port}", {})
    user.log_in(user.sign_up(phone)["code"])
    return user


def refusal(recipe: dict[str, Any], *request: Any) -> Any:
    call, *arguments = request
    with pytest.raises(recipe["Problem"]) as refused:
        call(*arguments)
    return refused.value


def test_app_does_the_whole_flow(recipe: dict[str, Any], service: Service) -> None:
    alice, bob = signed_in(recipe, service, PHONE), signed_in(recipe, service, "9991110042")
    code = alice.request("GET", ME)["invite_code"]

    assert bob.request("POST", ME, {"activated_invite": code})["activated_invite"] == code
    assert refusal(recipe, bob.request, "POST", ME, {"activated_invite": code}).code == "already_activated"
    assert alice.request("GET", ME)["invitations"] == ["9991110042"]
    before = alice.kept["refresh"]
    alice.token = "not a token"
    assert alice.request("GET", ME)["user_id"]
    assert alice.kept["refresh"] != before
    for device in alice.request("GET", "/api/v1/devices"):
        assert alice.request("DELETE", f"/api/v1/devices/{device['id']}") is None
    assert refusal(recipe, alice.request, "GET", ME).code == "token_revoked"
    assert refusal(recipe, alice.request, "GET", ME).code == "not_authenticated"
    bob.sign_out()
    assert list(bob.kept) == ["device"]
    bob.log_in(bob.sign_up("9991110042")["code"])
    assert bob.request("DELETE", ME) is None


def test_app_stays_signed_in_when_responses_are_lost(
    recipe: dict[str, Any], service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = recipe["Inviting"](f"http://127.0.0.1:{service.port}", {})
    issued = user.sign_up("9991110043")
    whole = recipe["Inviting"]._response
    lost = iter([True, False] * 9)

    def loses_every_other(self: Any, request: Any) -> Any:
        answer = whole(self, request)
        if next(lost):
            raise ConnectionResetError
        return answer

    monkeypatch.setattr(recipe["Inviting"], "_response", loses_every_other)

    assert user.log_in(issued["code"])
    for _ in range(4):
        user.refresh(user.token)
    assert user.request("GET", ME)["invite_code"]


def test_threads_refresh_once_and_a_late_copy_of_that_ends_nothing(
    recipe: dict[str, Any], service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = signed_in(recipe, service, "9991110044")
    whole = recipe["Inviting"]._response
    exchanged: list[dict[str, str]] = []

    def noted(self: Any, request: Any) -> Any:
        if request.full_url.endswith("/refresh"):
            exchanged.append(json.loads(request.data))
        return whole(self, request)

    monkeypatch.setattr(recipe["Inviting"], "_response", noted)
    for known in (None, "not a token"):
        user.token = known
        exchanged.clear()

        with ThreadPoolExecutor(3) as threads:
            answers = list(threads.map(lambda _: user.request("GET", ME)["phone"], range(3)))

        assert (answers, len(exchanged)) == (["9991110044"] * 3, 1)
        assert service.call("/api/auth/refresh", exchanged[0])["refresh"] == user.kept["refresh"]
        assert user.request("GET", ME)["phone"] == "9991110044"


def test_request_that_waits_while_another_user_signs_in_is_not_sent_in_that_user_s_name(
    recipe: dict[str, Any], service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresh = recipe["Inviting"].refresh
    for token in (None, "not a token"):
        user = signed_in(recipe, service, "9991110045")
        code = user.sign_up("9991110046")["code"]
        user.token = token

        def waits_for_the_log_in(self: Any, refused: str | None = None, code: str = code) -> Any:
            self.log_in(code)
            return refresh(self, refused)

        with monkeypatch.context() as patch:
            patch.setattr(recipe["Inviting"], "refresh", waits_for_the_log_in)
            assert refusal(recipe, user.request, "GET", ME).status == 401

        assert user.request("GET", ME)["phone"] == "9991110046"


@pytest.mark.parametrize(
    "kind, body",
    [
        ("text/html", b"<h1>Bad Gateway</h1>"),
        ("application/json", b'{"code": "invalid_code", "message": "of the proxy"}'),
        ("application/problem+json", b"null"),
        ("application/problem+json", b'{"code": "inv'),
    ],
)
def test_answer_of_a_proxy_is_no_response_and_keeps_the_user_signed_in(
    recipe: dict[str, Any], kind: str, body: bytes
) -> None:
    class Proxy(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(502)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as proxy:
        Thread(target=proxy.serve_forever, args=(0.01,), daemon=True).start()
        user = recipe["Inviting"](f"http://127.0.0.1:{proxy.server_port}", {"refresh": "a token"})
        assert refusal(recipe, user.sign_up, PHONE).code == "unavailable"
        assert refusal(recipe, user.sign_out).code == "unavailable"
        assert user.kept == {"refresh": "a token"}
        proxy.shutdown()
