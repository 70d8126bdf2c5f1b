"""Hosts and origins in the settings: kept in the form that browsers send, or refused because none would ever match."""

import json
from pathlib import Path

import pytest

from inviting_app import env
from tests.ops.test_settings import start


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Invite.Example.ORG", "invite.example.org"),
        ("invite.example.org.", "invite.example.org"),
        ("пример.рф", "xn--e1afmkfd.xn--p1ai"),
        ("ПРИМЕР.РФ.", "xn--e1afmkfd.xn--p1ai"),
        ("пример。рф", "xn--e1afmkfd.xn--p1ai"),
        ("XN--e1afmkfd.xn--p1ai", "xn--e1afmkfd.xn--p1ai"),
        ("faß.de", "xn--fa-hia.de"),
        ("☕.example", "xn--53h.example"),
        ("ｅｘａｍｐｌｅ.org", "example.org"),
        ("pre\u00adfix.org", "prefix.org"),
        ("localhost", "localhost"),
        ("10.0.2.2", "10.0.2.2"),
        ("2001:DB8:0::1", "[2001:db8::1]"),
        ("[::1]", "[::1]"),
    ],
)
def test_host_is_kept_in_the_form_that_browsers_send(given: str, kept: str) -> None:
    assert env.host(given) == kept
    assert env.origin(f"https://{f'[{given}]' if given.count(':') > 1 and '[' not in given else given}") == (
        f"https://{kept}"
    )


@pytest.mark.parametrize(
    "given",
    ["*", ".example.org", "*.example.org", "a b", "a_b", "a..b", "127.1", "host:80", "https://a.org", "a/b", "℀.org",
     f"{64 * 'x'}.org", "\u2488.org", "[::1", "a@b", "%41.org", "fe80::1%eth0", "0x7f000001", ".".join(5 * ["x" * 60])],
)  # fmt: skip
def test_host_that_can_never_match_is_refused(tmp_path: Path, given: str) -> None:
    with pytest.raises(ValueError):
        env.host(given)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://Invite.Example.org/", "https://invite.example.org"),
        ("HTTPS://invite.example.org:443", "https://invite.example.org"),
        ("http://invite.example.org:80", "http://invite.example.org"),
        ("https://invite.example.org:80", "https://invite.example.org:80"),
        ("https://invite.example.org:", "https://invite.example.org"),
        ("https://пример.рф:443/", "https://xn--e1afmkfd.xn--p1ai"),
        ("http://[2001:DB8::1]:8000", "http://[2001:db8::1]:8000"),
        ("https://localhost", "https://localhost"),
    ],
)
def test_origin_is_kept_in_the_form_that_browsers_send(given: str, kept: str) -> None:
    assert env.origin(given) == env.client_origin(given) == kept


@pytest.mark.parametrize(
    "given",
    ["invite.example.org", "https://a.org/path", "https://a.org?x", "https://a.org#x", "https://me:pw@a.org",
     "https://@a.org", "https://a.org:0", "https://a.org:99999", "https://a.org:x", "https://", "https://*.a.org",
     "https://a_b.org", "https:a.org", "mailto://x",
     "https://[fe80::1%25eth0]", "https://0x7f000001", "null", "*", "file://", "ws://a.org", "data:x", "//a.org"],
)  # fmt: skip
def test_origin_that_can_never_match_is_refused(given: str) -> None:
    for parse in (env.origin, env.client_origin):
        with pytest.raises(ValueError, match="must look like"):
            parse(given)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("capacitor://localhost", "capacitor://localhost"),
        ("ionic://localhost/", "ionic://localhost"),
        ("Tauri://localhost:8080", "tauri://localhost:8080"),
        ("chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb", "chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb"),
        ("app://com.example.app_1", "app://com.example.app_1"),
        ("app://.", "app://."),
    ],
)
def test_app_in_a_web_view_has_an_origin(given: str, kept: str) -> None:
    assert env.client_origin(given) == kept
    with pytest.raises(ValueError):
        env.origin(given)  # a site has none of these


@pytest.mark.parametrize(
    "given", ["capacitor://localhost/x", "capacitor://", "capacitor://me@a", "1a://b", "a://b:0", "a://b:99999"]
)
def test_app_origin_that_can_never_match_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match="must look like"):
        env.client_origin(given)


@pytest.mark.parametrize(
    ("name", "value"),
    [("EXTRA_HOSTS", "10.0.2.2,*"), ("CORS_ORIGINS", "capacitor://localhost/x"), ("SITE_URL", "capacitor://localhost")],
)
def test_refusal_has_the_name_of_the_setting(tmp_path: Path, name: str, value: str) -> None:
    refused = start(tmp_path, **{name: value})

    assert refused.stderr.startswith(f"inviting_app cannot start. {name}: ")
    assert len(refused.stderr.splitlines()) == 1


def test_settings_hold_the_form_that_browsers_send(tmp_path: Path) -> None:
    names = ("SITE_URL", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "CORS_ALLOWED_ORIGINS")
    shown = "import json; from inviting_app import settings as s; "
    shown += f"print(json.dumps([getattr(s, name) for name in {names}]))"
    given = {
        "SITE_URL": "https://пример.рф:443/",
        "EXTRA_HOSTS": "Бюро.рф, ::1, 10.0.2.2",
        "CORS_ORIGINS": "https://app.пример.рф:443/,capacitor://localhost",
        "SMS_GATEWAYS": "webhook+http://localhost/",
    }

    started = start(tmp_path, shown, **given)

    extra = ["xn--90a0af9c.xn--p1ai", "[::1]", "10.0.2.2"]
    assert json.loads(started.stdout) == [
        "https://xn--e1afmkfd.xn--p1ai",
        ["xn--e1afmkfd.xn--p1ai", "localhost", "127.0.0.1", "[::1]", *extra],
        ["https://xn--e1afmkfd.xn--p1ai", *(f"https://{host}" for host in extra)],
        ["https://app.xn--e1afmkfd.xn--p1ai", "capacitor://localhost"],
    ]


@pytest.mark.parametrize(("port", "site"), [("80", "http://localhost"), ("8001", "http://localhost:8001")])
def test_default_site_url_follows_the_port(tmp_path: Path, port: str, site: str) -> None:
    assert start(tmp_path, "from inviting_app import env; print(env.SITE_URL)", PORT=port).stdout.strip() == site
