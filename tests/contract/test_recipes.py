"""The client for apps in docs/clients.md against the running service, with responses that are lost."""

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
        user.refresh()
    assert user.request("GET", ME)["invite_code"]


def test_page_of_a_proxy_is_no_response(recipe: dict[str, Any]) -> None:
    class Page(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_error(502)

        def log_message(self, *args: Any) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as proxy:
        Thread(target=proxy.serve_forever, daemon=True).start()
        user = recipe["Inviting"](f"http://127.0.0.1:{proxy.server_port}", {})
        assert refusal(recipe, user.sign_up, PHONE).code == "unavailable"
        proxy.shutdown()
