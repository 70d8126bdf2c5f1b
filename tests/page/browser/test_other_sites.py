"""A page of another site cannot let its visitor's browser request a code."""

import re
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from tests.page.browser.visitor import Visitor

PATH = "/api/auth/signup"
INPUT = '<input name="phone" value="{phone}"><button>OK</button>'
FORM = f'<form method="post" enctype="{{kind}}" action="{{url}}">{INPUT}</form>'
SANDBOX = "<iframe sandbox=\"allow-forms allow-popups\" srcdoc='{form}'></iframe>"
SCRIPT = "([url, phone]) => { fetch(url, {method: 'POST', mode: 'no-cors', body: new URLSearchParams({phone})}) }"


KINDS = [
    "application/x-www-form-urlencoded",
    *(pytest.param(kind, marks=pytest.mark.long) for kind in ("multipart/form-data", "text/plain")),
]


@pytest.fixture
def site() -> Iterator[Callable[[str], int]]:
    """Serves a page on this machine, because browsers guard it from pages of the network. Returns the port."""
    servers = []

    def serve(page: str) -> int:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(f"<!doctype html>{page}".encode())

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        Thread(target=servers[-1].serve_forever, daemon=True).start()
        return int(servers[-1].server_port)

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def is_refused(alice: Visitor, origin: str) -> None:
    """The log shows that a request of this origin was refused, and no SMS has come."""
    told = re.compile(rf"POST {PATH} 403 [0-9.]+ ms origin '{re.escape(origin)}'")
    alice.service.wait_for(lambda: told.search(alice.service.output), seconds=15)
    assert not alice.messages()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "host", ["127.0.0.1", pytest.param("localhost", marks=pytest.mark.long)], ids=["another site", "another port"]
)
def test_form_of_another_site_requests_no_code(
    alice: Visitor, site: Callable[[str], int], host: str, kind: str
) -> None:
    form = FORM.format(kind=kind, url=f"http://localhost:{alice.service.port}{PATH}", phone=alice.phone)
    port = site(form)
    alice.page.goto(f"http://{host}:{port}/")

    alice.page.get_by_role("button").click()

    is_refused(alice, f"http://{host}:{port}")


def test_form_in_a_sandbox_requests_no_code(alice: Visitor, site: Callable[[str], int]) -> None:
    form = FORM.format(kind="text/plain", url=f"http://localhost:{alice.service.port}{PATH}", phone=alice.phone)
    form = form.replace("<form", '<form target="_blank"')  # the response may not be shown in a frame
    alice.page.goto(f"http://127.0.0.1:{site(SANDBOX.format(form=form))}/")

    alice.page.frame_locator("iframe").get_by_role("button").click()

    is_refused(alice, "null")


def test_script_of_another_site_requests_no_code(alice: Visitor, site: Callable[[str], int]) -> None:
    port = site("")
    alice.page.goto(f"http://127.0.0.1:{port}/")

    alice.page.evaluate(SCRIPT, [f"http://localhost:{alice.service.port}{PATH}", alice.phone])

    is_refused(alice, f"http://127.0.0.1:{port}")
