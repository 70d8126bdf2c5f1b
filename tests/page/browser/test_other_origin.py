"""The client for other origins in docs/clients.md, in a browser whose page comes from another site."""

from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route

from tests.support.guide import sample
from tests.support.service import Service, ready_service

ME = "/api/v1/profiles/me"

# Refusals come as values, because an error from the page would have lost its members.
CALL = """
async ([name, ...values]) => {
  const client = await import("/inviting.js");
  try {
    return { done: await client[name](...values) };
  } catch (problem) {
    return { refused: { ...problem } };
  }
}
"""


class App(BaseHTTPRequestHandler):
    """The files of a single-page app."""

    script = ""

    def do_GET(self) -> None:
        is_script = self.path == "/inviting.js"
        body = (self.script if is_script else "<!doctype html><title>App</title>").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript" if is_script else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Print nothing."""


@pytest.fixture(scope="module")
def app() -> Iterator[str]:
    """The origin of the app. Its site is another one than that of the service, `localhost`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), App)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def api(app: str) -> Iterator[Service]:
    with ready_service(CORS_ORIGINS=app) as service:
        App.script = sample("inviting.js").replace("https://invite.example.org", f"http://localhost:{service.port}")
        yield service


@dataclass
class AppUser:
    """The client in a browser of this user's own."""

    page: Page

    def __call__(self, *request: Any) -> Any:
        """Call a function of the client by its name."""
        return self.page.evaluate(CALL, list(request))

    def lose_the_next_response(self, path: str) -> None:
        def lose(route: Route) -> None:
            route.fetch()
            route.abort("connectionreset")

        self.page.route(f"**{path}", lose, times=1)


@pytest.fixture
def user(browser: Browser, app: str, api: Service) -> Iterator[AppUser]:
    context = browser.new_context()
    page = context.new_page()
    page.goto(app)
    yield AppUser(page)
    context.close()


def done(answer: dict[str, Any]) -> Any:
    assert "refused" not in answer, answer
    return answer.get("done")


def sign_in(user: AppUser, phone: str) -> None:
    done(user("logIn", done(user("signUp", phone))["code"]))


def test_single_page_app_does_the_whole_flow(user: AppUser, api: Service) -> None:
    inviter = api.sign_in("9991110051")["token"]
    code = api.call(ME, token=inviter)["invite_code"]

    issued = done(user("signUp", "+7 999 111-00-52"))
    wrong = user("logIn", f"{(int(issued['code']) + 1) % 10_000:04}")["refused"]
    assert (wrong["code"], wrong["attempts_left"]) == ("invalid_code", 2)
    done(user("logIn", issued["code"]))

    assert done(user("request", "GET", ME))["phone"] == "9991110052"
    assert done(user("request", "POST", ME, {"activated_invite": code}))["activated_invite"] == code
    again = user("request", "POST", ME, {"activated_invite": code})["refused"]
    assert (again["code"], again["activated_invite"]) == ("already_activated", code)
    assert done(user("request", "GET", f"{ME}/invitations"))["results"] == []
    assert len(done(user("request", "GET", "/api/v1/devices"))) == 1

    done(user("signOut"))
    assert user("request", "GET", ME)["refused"]["code"] == "not_authenticated"
    sign_in(user, "9991110052")
    assert len(done(user("request", "GET", "/api/v1/devices"))) == 1  # the device is still known
    assert done(user("request", "DELETE", ME)) is None
    assert user("request", "GET", ME)["refused"]["code"] == "token_revoked"


def test_refusal_says_when_to_try_again(user: AppUser, api: Service) -> None:
    """`Retry-After` and `X-Request-ID` can be read too, but the problem has both."""
    sign_in(user, "9991110053")
    refused = {}
    for _ in range(11):
        refused = user("request", "POST", ME, {"activated_invite": "AAAAAA"})["refused"]

    assert refused["code"] == "too_many_requests"
    assert refused["retry_after"] > 0
    assert refused["request_id"]


def test_app_stays_signed_in_over_a_reload_and_lost_responses(user: AppUser, api: Service) -> None:
    issued = done(user("signUp", "9991110054"))
    user.lose_the_next_response("/api/auth/login")
    done(user("logIn", issued["code"]))

    for _ in range(3):
        user.page.reload()  # the access token was in memory
        user.lose_the_next_response("/api/auth/refresh")
        assert done(user("request", "GET", ME))["phone"] == "9991110054"


def test_two_tabs_refresh_at_once_and_stay_signed_in(user: AppUser, api: Service) -> None:
    sign_in(user, "9991110055")
    other = AppUser(user.page.context.new_page())
    other.page.goto(user.page.url)

    for _ in range(3):
        for tab in (user, other):
            tab.page.reload()
        for tab in (user, other):
            tab.page.evaluate(f"request => {{ window.answer = ({CALL})(request) }}", ["request", "GET", ME])
        for tab in (user, other):
            assert done(tab.page.evaluate("window.answer"))["phone"] == "9991110055"
