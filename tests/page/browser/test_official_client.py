"""The client in `clients/typescript` in a browser whose page comes from another site."""

import os
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request

from tests.contract.commands import MODULES
from tests.contract.official import built_typescript
from tests.support.service import Service, ready_service

pytestmark = pytest.mark.long

PAGE = """<!doctype html><title>App</title>
<script type="importmap">{"imports": {"openapi-fetch": "/node_modules/openapi-fetch/dist/index.mjs"}}</script>"""
# The client of a page is made once, as in an app.
CALL = """
async ([site, name, ...values]) => {
  const { Client } = await import("/client/dist/index.js");
  window.client ??= new Client(site, { store: localStorage });
  return await window.client[name](...values) ?? null;
}
"""
ME = "/api/v1/profiles/me"


class Files(SimpleHTTPRequestHandler):
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}

    def log_message(self, *args: Any) -> None:
        """Print nothing."""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The origin of the app. Its site is another one than that of the service, `localhost`."""
    if not os.environ.get("CI") and not MODULES.exists():
        pytest.skip("needs Node.js and `npm ci --prefix tests/contract/clients`")
    folder: Path = tmp_path_factory.mktemp("app")
    built_typescript(folder)
    (folder / "index.html").write_text(PAGE)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=str(folder))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def api(app: str) -> Iterator[Service]:
    with ready_service(CORS_ORIGINS=app) as service:
        yield service


def test_tabs_refresh_once_and_a_late_copy_of_that_ends_nothing(browser: Browser, app: str, api: Service) -> None:
    site, phone = f"http://localhost:{api.port}", "9991110061"
    context = browser.new_context()
    tabs: list[Page] = [context.new_page(), context.new_page()]
    exchanges: list[Request] = []

    def record(request: Request) -> None:
        if request.method == "POST" and request.url.endswith("/api/auth/refresh"):
            exchanges.append(request)

    context.on("request", record)
    for tab in tabs:
        tab.goto(app)
    issued = tabs[0].evaluate(CALL, [site, "signUp", phone])
    tabs[0].evaluate(CALL, [site, "logIn", issued["code"]])

    for number in range(1, 4):
        refresh = tabs[0].evaluate("localStorage['inviting_app.refresh']")
        tabs[0].evaluate("localStorage.removeItem('inviting_app.access')")  # it has expired
        for tab in tabs:
            tab.reload()
        for tab in tabs:
            tab.evaluate(f"request => {{ window.answer = ({CALL})(request) }}", [site, "get", ME])
        assert [tab.evaluate("window.answer")["phone"] for tab in tabs] == [phone] * 2

        assert len(exchanges) == number
        api.call("/api/auth/refresh", {"refresh": refresh})

    assert tabs[1].evaluate(CALL, [site, "signOut"]) is None
    assert tabs[0].evaluate("Object.keys(localStorage)") == ["inviting_app.device_token"]
    context.close()
