"""The links in responses lead to SITE_URL, whatever scheme and host the proxy passes on."""

from typing import Any

import pytest

from tests.support.accounts import SignedInUser
from tests.support.many_users import crowd

pytestmark = pytest.mark.django_db

ME = "/api/v1/profiles/me"
SITE = "https://invite.example.org"


@pytest.fixture(autouse=True)
def site(settings: Any) -> None:
    settings.SITE_URL = SITE
    settings.EXTRA_HOSTS = ["10.0.2.2", "second.example.org", "[2001:db8::1]"]
    settings.ALLOWED_HOSTS = ["testserver", "invite.example.org", "127.0.0.1", *settings.EXTRA_HOSTS]


def links(user: SignedInUser, **headers: str) -> list[str]:
    """The links of the own profile, of the second page of invitations and of a problem."""
    me = user.api.get(ME, **headers).json()
    path = me["invitations_next"].partition("/api/")[2]
    page = user.api.get(f"/api/{path}", **headers).json()
    problem = user.api.get(f"{ME}/x", **headers).json()
    return [me["share_url"], problem["type"], me["invitations_next"], page["next"], page["previous"]]


@pytest.mark.parametrize("host", ["invite.example.org", "INVITE.example.org.:80", "127.0.0.1:8000"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_links_have_the_scheme_and_host_of_site_url(alice: SignedInUser, host: str, scheme: str) -> None:
    crowd(151, alice.profile)

    found = links(alice, HTTP_HOST=host, **{"wsgi.url_scheme": scheme})

    assert all(link.startswith(f"{SITE}/") for link in found)


@pytest.mark.parametrize("host", ["10.0.2.2:8000", "Second.example.org", "second.example.org.:443", "[2001:db8::1]:80"])
def test_lists_of_an_extra_host_lead_to_it(alice: SignedInUser, settings: Any, host: str) -> None:
    crowd(151, alice.profile)

    share, problem, *pages = links(alice, HTTP_HOST=host)
    settings.SITE_URL = "http://localhost:8000"
    _, _, *plain = links(alice, HTTP_HOST=host)

    assert share.startswith(f"{SITE}/i/") and problem.startswith(f"{SITE}/problems/")
    assert all(link.startswith(f"https://{host}/api/") for link in pages)
    assert all(link.startswith(f"http://{host}/api/") for link in plain)


def test_page_keeps_its_query(staff: SignedInUser) -> None:
    crowd(60, staff.profile)

    page = staff.api.get("/api/v1/profiles?ordering=created_at&has_activated=true", HTTP_HOST="127.0.0.1").json()

    assert page["next"].startswith(f"{SITE}/api/v1/profiles?cursor=")
    assert "has_activated=true" in page["next"] and "ordering=created_at" in page["next"]
