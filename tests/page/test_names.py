"""What the deployer says about the service: read strictly, and shown wherever people meet the service."""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from tests.support.settings import read


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SITE_NAME", "a" * 61),
        ("OPERATOR_NAME", "Acme\u202egro.live"),
        ("PRIVACY_URL", "javascript:alert(1)"),
        ("PRIVACY_URL", "/privacy"),
        ("PRIVACY_URL", "https://bank.example:pw@example.org/"),
        ("PRIVACY_URL", "mailto:help@example.org"),
        ("CONTACT_URL", "help@example.org"),
        ("CONTACT_URL", "mailto:nobody"),
        ("CONTACT_URL", "mailto:help@example.org?subject=two words"),
        ("CONTACT_URL", "tel:help"),
    ],
)
def test_bad_value_is_refused_and_not_repeated(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        read(monkeypatch, **{name: value})

    assert str(refused.value).startswith(f"inviting_app cannot start. {name}: must ")
    assert "pw@" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value", "read_as"),
    [
        ("SITE_NAME", " Дача  &\tсад ", "Дача & сад"),
        ("PRIVACY_URL", "https://пример.рф/privacy?a=b#c", "https://пример.рф/privacy?a=b#c"),
        ("CONTACT_URL", "mailto:help@example.org?subject=Code", "mailto:help@example.org?subject=Code"),
        ("CONTACT_URL", "tel:+7(999)123-45-67", "tel:+7(999)123-45-67"),
        ("CONTACT_URL", "https://t.me/acme", "https://t.me/acme"),
    ],
)
def test_good_value_is_read(monkeypatch: pytest.MonkeyPatch, name: str, value: str, read_as: str) -> None:
    assert read(monkeypatch, **{name: value})[name] == read_as


@pytest.mark.parametrize("path", ["/", "/i/H7K3QX", "/nowhere"])
def test_pages_say_what_the_service_is_and_who_runs_it(settings: Any, path: str) -> None:
    settings.SITE_NAME, settings.OPERATOR_NAME = "Дача & <сад>", "Acme"
    settings.PRIVACY_URL, settings.CONTACT_URL = "https://example.org/privacy?a=1&b=2", "mailto:help@example.org"

    html = Client().get(path).content.decode()

    assert html.count("Дача &amp; &lt;сад&gt;") >= 2  # in the title and in the header
    assert "Дача & " not in html
    assert "Acme" in html
    assert '<a href="https://example.org/privacy?a=1&amp;b=2">Privacy</a>' in html
    assert '<a href="mailto:help@example.org">' in html
    assert ('<a id="contact" href="mailto:help@example.org">' in html) == (path != "/nowhere")  # for the scripts
    assert ("Can’t get an SMS at your current number?" in html) == (path != "/nowhere")


@pytest.mark.parametrize("path", ["/", "/nowhere"])
def test_nothing_unsaid_leaves_a_gap(path: str) -> None:
    html = Client().get(path).content.decode()

    assert "<title>" in html
    assert "Invitations" in html
    assert "<footer" not in html
