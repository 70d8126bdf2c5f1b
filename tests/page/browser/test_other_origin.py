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

pytestmark = pytest.mark.long

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

    def expire(self) -> None:
        """As if the access token had expired."""
        self.page.evaluate("localStorage.pair = JSON.stringify({ ...JSON.parse(localStorage.pair), until: 0 })")

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
        user.expire()
        user.page.reload()
        user.lose_the_next_response("/api/auth/refresh")
        assert done(user("request", "GET", ME))["phone"] == "9991110054"


def test_requests_and_tabs_refresh_once_and_a_late_copy_of_that_ends_nothing(user: AppUser, api: Service) -> None:
    sign_in(user, "9991110055")
    other = AppUser(user.page.context.new_page())
    other.page.goto(user.page.url)
    exchanged: list[Any] = []
    user.page.context.on("request", lambda sent: exchanged.append(sent.post_data_json) if "/refresh" in sent.url else 0)
    all_at_once = f"calls => {{ window.answers = Promise.all(calls.map({CALL})) }}"

    for _ in range(3):
        user.expire()
        exchanged.clear()
        for tab in (user, other):
            tab.page.evaluate(all_at_once, [["request", "GET", ME]] * 3)
        phones = [done(answer)["phone"] for tab in (user, other) for answer in tab.page.evaluate("window.answers")]

        assert (phones, len(exchanged)) == (["9991110055"] * 6, 1)
        api.call("/api/auth/refresh", exchanged[0])
        assert done(user("request", "GET", ME))["phone"] == "9991110055"


@pytest.mark.long
@pytest.mark.parametrize(
    "kind, body",
    [("application/problem+json", "null"), ("application/json", '{"code": "invalid_code"}'), ("text/html", "<h1>")],
)
def test_answer_of_a_proxy_is_no_response_and_keeps_the_user_signed_in(
    user: AppUser, api: Service, kind: str, body: str
) -> None:
    allowed = {"Access-Control-Allow-Origin": "*"}
    user.page.route("**/api/**", lambda route: route.fulfill(status=502, content_type=kind, body=body, headers=allowed))
    user.page.evaluate("localStorage.pair = JSON.stringify({ refresh: 'a token', until: 0 })")

    assert user("signUp", "9991110056")["refused"]["code"] == "unavailable"
    assert user("signOut")["refused"]["code"] == "unavailable"
    assert done(user("isSignedIn")) is True


def test_request_that_waits_while_another_user_signs_in_is_not_sent_in_that_user_s_name(
    user: AppUser, api: Service
) -> None:
    sign_in(user, "9991110060")
    code = done(user("signUp", "9991110061"))["code"]
    user.expire()

    _, read = user.page.evaluate(f"calls => Promise.all(calls.map({CALL}))", [["logIn", code], ["request", "GET", ME]])

    assert read["refused"]["code"] == "not_authenticated"
    assert done(user("request", "GET", ME))["phone"] == "9991110061"


def test_other_tab_reloads_when_another_user_signs_in(user: AppUser, api: Service) -> None:
    sign_in(user, "9991110058")
    other = AppUser(user.page.context.new_page())
    other.page.goto(user.page.url)
    assert done(other("request", "GET", ME))["phone"] == "9991110058"
    other.page.evaluate("window.isBefore = true")

    done(user("signOut"))
    sign_in(user, "9991110059")

    other.page.wait_for_function("!window.isBefore")
    assert done(other("request", "GET", ME))["phone"] == "9991110059"
