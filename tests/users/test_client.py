"""The client of a request, behind the proxies and load balancers that people use."""

import io
import logging
import re
from pathlib import Path
from typing import Any

import pytest
from django.test import RequestFactory

from inviting_app.logs import OnceAMinute
from inviting_app.ops import metrics
from tests.support.accounts import client as api_client
from users import client

PROXY = "10.0.0.1"


def address(forwarded: str | None) -> str | None:
    more = {} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded}
    return client.address(RequestFactory().get("/", REMOTE_ADDR=PROXY, **more))


@pytest.fixture
def warnings() -> Any:
    """The messages that the logger passes, as the settings filter them."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    logger = logging.getLogger("users.client")
    for limit in logger.filters:
        limit.passed.clear()  # type: ignore[union-attr]
    client._warn_once.cache_clear()
    logger.addHandler(handler)
    yield lambda: written.getvalue().splitlines()
    logger.removeHandler(handler)


@pytest.mark.parametrize(
    ("element", "found"),
    [
        ("203.0.113.7", "203.0.113.7"),  # nginx, Caddy, HAProxy, Traefik, Cloudflare
        ("203.0.113.7:5100", "203.0.113.7"),  # Azure; AWS with the client's port
        ("2001:db8::1", "2001:db8::1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("2001:db8:0:0:0:0:0:1:443", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%25eth0]:80", "fe80::1"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7:5100", "203.0.113.7"),
        ("[::ffff:203.0.113.7]:80", "203.0.113.7"),
        ("::ffff:cb00:7107", "203.0.113.7"),
        ('"203.0.113.7"', "203.0.113.7"),
        ('"[2001:db8::1]:443"', "2001:db8::1"),
        (" \t203.0.113.7 ", "203.0.113.7"),
    ],
)
@pytest.mark.parametrize("before", ["", "198.51.100.1, ", "unknown,198.51.100.1:80 ,"])
def test_forwarded_address_is_read_in_every_form(settings: Any, before: str, element: str, found: str) -> None:
    settings.TRUSTED_PROXIES = 1

    assert address(f"{before}{element}") == found


@pytest.mark.parametrize(
    ("proxies", "found"), [(1, "192.0.2.3"), (2, "192.0.2.2"), (3, "192.0.2.1"), (4, PROXY), (10, PROXY)]
)
def test_address_is_the_nth_from_the_right(settings: Any, proxies: int, found: str) -> None:
    settings.TRUSTED_PROXIES = proxies

    assert address("192.0.2.1:1, 192.0.2.2:2,192.0.2.3:3") == found


@pytest.mark.parametrize("joined", ["192.0.2.1,192.0.2.2", "192.0.2.1, ,192.0.2.2", ",192.0.2.1,192.0.2.2,"])
def test_several_lines_of_the_header_are_one_list(settings: Any, joined: str) -> None:
    settings.TRUSTED_PROXIES = 2

    assert address(joined) == "192.0.2.1"


NO_ADDRESS = ["unknown", "_hidden", "unix:", "for=192.0.2.1", "1.2.3", "192.0.2.1:x", "[::1", "é", "\0", "", " , "]


@pytest.mark.parametrize("element", NO_ADDRESS)
def test_element_that_is_no_address_gives_the_connection_and_is_told(
    settings: Any, warnings: Any, element: str
) -> None:
    settings.TRUSTED_PROXIES = 1

    assert address(element) == PROXY
    assert address("another thing") == PROXY
    (line,) = warnings()
    assert "is no address" in line and "TRUSTED_PROXIES" in line


def test_missing_header_is_told_to_nobody(settings: Any, warnings: Any) -> None:
    settings.TRUSTED_PROXIES = 1

    assert address(None) == PROXY
    assert warnings() == []


def test_header_without_a_trusted_proxy_is_told_once(settings: Any, warnings: Any) -> None:
    settings.TRUSTED_PROXIES = 0

    assert [address("192.0.2.1"), address("192.0.2.2")] == [PROXY, PROXY]
    (line,) = warnings()
    assert "set TRUSTED_PROXIES" in line


def test_same_words_pass_once_a_minute() -> None:
    limit = OnceAMinute()

    def passes(message: str, created: float) -> bool:
        return limit.filter(logging.makeLogRecord({"msg": message, "created": created}))

    assert passes("a", 0) and passes("b", 1)
    assert not passes("a", 59)
    assert passes("a", 60) and not passes("a", 119)
    assert passes("a", 30)  # the clock was set back


def test_element_that_is_no_address_is_counted(settings: Any) -> None:
    settings.TRUSTED_PROXIES = 1
    settings.MIDDLEWARE = ["inviting_app.ops.metrics.requests", *settings.MIDDLEWARE]

    def counted() -> float:
        return metrics.registry.get_sample_value("inviting_app_misforwarded_total") or 0

    before = counted()
    for forwarded in ("192.0.2.1:80", "unknown", "192.0.2.1, _x"):
        api_client().get("/api/nowhere", HTTP_X_FORWARDED_FOR=forwarded)
    api_client().get("/api/nowhere")

    assert counted() == before + 2


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("Приложение/1.0 (Пиксель)".encode(), "Приложение/1.0 (Пиксель)"),
        ("Caf\xe9/1".encode(), "Café/1"),
        ("Caf\xe9/1".encode("latin-1"), "Café/1"),
        (b"a\x00b\x1b[31m\x7f\xc2\x85c", "ab[31mc"),
        ("📱 phone\u202e".encode(), "📱 phone"),
        (b"\xff\xfe", "ÿþ"),
        (b"", ""),
    ],
)
def test_user_agent_is_shown_as_it_was_sent(sent: bytes, shown: str) -> None:
    request = RequestFactory().get("/", HTTP_USER_AGENT=sent.decode("latin-1"))  # as WSGI has it

    assert client.user_agent(request) == shown


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/150.0 Safari/537.36", "Chrome, Linux"),
        ("Mozilla/5.0 (Linux; Android 14) Chrome/120.0 Mobile Safari/537.36 EdgA/120.0", "Edge, Android"),
        ("App/1.0", "App/1.0"),
        ("", ""),
    ],
)
def test_operators_read_the_name_of_a_client_that_users_read(sent: str, name: str) -> None:
    assert client.named(sent) == name


def test_page_and_admin_know_the_same_clients() -> None:
    script = Path("inviting_app/page/static/page/account.js").read_text()

    for names in ("BROWSERS", "SYSTEMS"):
        table = script.partition(f"const {names} = {{")[2].partition("}")[0]
        assert re.findall(r'^  "?([^":]+)"?: "([^"]+)",$', table, re.MULTILINE) == list(getattr(client, names).items())
