"""Methods and paths that do not exist, and the pages beside the API."""

from django.contrib.auth import get_user_model
from django.test import Client

from tests.contract.scenarios.common import (
    DEVICES,
    LOGIN,
    LOGOUT,
    ME,
    ORIGIN,
    PHONE_OF_ALICE,
    PROFILES,
    REFRESH,
    SIGNUP,
    Recorder,
    row,
)
from tests.contract.scenarios.profiles import staff

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")
TAKEN = {
    SIGNUP: {"POST"},
    LOGIN: {"POST"},
    REFRESH: {"POST"},
    LOGOUT: {"POST"},
    DEVICES: {"GET", "HEAD", "DELETE"},
    f"{DEVICES}/1": {"DELETE"},
    ME: {"GET", "HEAD", "POST", "DELETE"},
    f"{ME}/invitations": {"GET", "HEAD"},
    f"{ME}/export": {"GET", "HEAD"},
    PROFILES: {"GET", "HEAD"},
    f"{PROFILES}/1": {"GET", "HEAD"},
}


def methods(record: Recorder) -> None:
    operator, *_ = staff(record)
    for path, taken in TAKEN.items():
        for method in METHODS:
            if method not in taken:
                record(f"{method} {path}", f"{method} {path}", None, operator.token)
        record(f"PUT {path}, by nobody", f"PUT {path}", {})
        record(f"OPTIONS {path}, by nobody", f"OPTIONS {path}")
        record(f"PUT {path}/", f"PUT {path}/", {}, operator.token)


def unknown_paths(record: Recorder) -> None:
    """Unknown paths of the API, and requests that are refused before their path is read."""
    alice = record.person("alice", PHONE_OF_ALICE)
    for path in ("/api/", "/api/nowhere", "/api/v1", "/api/v1/", "/api/v2/profiles/me", "/api/auth", f"{SIGNUP}/x",
                 f"{SIGNUP}//", f"{PROFILES}/me/x", f"{PROFILES}/1/x",
                 "/api/schema", "/api/%00", "/api/%ff"):  # fmt: skip
        record(f"GET {path}", f"GET {path}")
    for method in METHODS[1:]:
        record(f"{method} /api/nowhere", f"{method} /api/nowhere")
    record("with a token", "GET /api/nowhere", None, alice.token)
    record("with a token that is none", "GET /api/nowhere", None, "nonsense")
    record("too large", "POST /api/nowhere", b" " * (64 * 1024 + 1))
    record("foreign host", "GET /api/nowhere", HTTP_HOST="other.example.org")
    record("request id", "GET /api/nowhere", HTTP_X_REQUEST_ID="given-by-the-caller")
    record("request id that is none", "GET /api/nowhere", HTTP_X_REQUEST_ID="short")
    record("as HTML", "GET /api/nowhere", HTTP_ACCEPT="text/html")
    for language in ("ru", "ru-RU,ru;q=0.9,en;q=0.8", "de, ru;q=0.5", "de", "*", "en-GB"):
        record(f"language: {language}", "GET /api/nowhere", HTTP_ACCEPT_LANGUAGE=language)
    record("preflight", f"OPTIONS {ME}", HTTP_ORIGIN=ORIGIN, HTTP_ACCESS_CONTROL_REQUEST_METHOD="POST")
    record.settings.SECURE_HSTS_SECONDS = 1000
    record("over TLS, with HSTS", "GET /api/nowhere", **{"wsgi.url_scheme": "https"})
    record("not over TLS, with HSTS", "GET /api/nowhere")


def pages(record: Recorder) -> None:
    alice = record.person("alice", PHONE_OF_ALICE)
    code = alice.me()["invite_code"]
    for name, path in {
        "/": "/", "/i/CODE": f"/i/{code}", "/i/CODE/": f"/i/{code}/", "/i/code": f"/i/{code.lower()}",
        "/i/CODE/qr.svg": f"/i/{code}/qr.svg", **{path: path for path in PATHS_OF_PAGES},
    }.items():  # fmt: skip
        record.page(f"GET {name}", f"GET {path}")
        record.page(f"HEAD {name}", f"HEAD {path}")
        record.page(f"GET {name}, in Russian", f"GET {path}", HTTP_ACCEPT_LANGUAGE="ru")
        record.page(f"POST {name}", f"POST {path}")
        record.page(f"OPTIONS {name}", f"OPTIONS {path}")
    for path in ("/", "/docs", "/schema", "/livez", "/nowhere"):
        record.page(f"{path}, compressed", f"GET {path}", HTTP_ACCEPT_ENCODING="gzip")
        record.page(f"{path}, of another host", f"GET {path}", HTTP_HOST="other.example.org")
        record.page(f"{path}, too large", f"POST {path}", body=b" " * (64 * 1024 + 1))
        record.page(f"{path}, with a request id", f"GET {path}", HTTP_X_REQUEST_ID="given-by-the-caller")
        record.page(f"{path}, of another origin", f"GET {path}", HTTP_ORIGIN=ORIGIN)
    for kind in ("json", "yaml", "xml"):
        record.page(f"/schema?format={kind}", f"GET /schema?format={kind}")
    for kind in ("application/json", "application/vnd.oai.openapi+json", "text/html", "image/png"):
        record.page(f"/schema as {kind}", "GET /schema", HTTP_ACCEPT=kind)
    record.page("/docs?script=", "GET /docs?script=")
    record.page("/admin/login/, form without its secret", "POST /admin/login/", Client(enforce_csrf_checks=True))
    operator = get_user_model().objects.get(phone=f"+7{alice.phone}")
    row(alice).update(is_staff=True, is_superuser=True)
    browser = Client()
    browser.force_login(operator, "django.contrib.auth.backends.ModelBackend")
    record.page("/admin/, signed in", "GET /admin/", browser)
    record.settings.SECURE_HSTS_SECONDS = 1000
    record.page("/livez, over TLS, with HSTS", "GET /livez", **{"wsgi.url_scheme": "https"})


PATHS_OF_PAGES = (
    "/i/broken", "/i/broken/qr.svg", "/docs", "/docs/", "/redoc", "/redoc/", "/schema", "/schema/", "/problems",
    "/problems/", "/problems/invalid", "/problems/invalid/", "/problems/nowhere", "/livez", "/livez/", "/readyz",
    "/favicon.ico", "/admin", "/admin/", "/admin/login/", "/admin/nowhere/", "/nowhere", "/api", "/static/nowhere.js",
)  # fmt: skip
