"""The version stands in one place, and the licences of all installed packages are listed."""

import re
import tomllib
from pathlib import Path

import pytest
from django.conf import settings

import inviting_app
from tests.support.accounts import client

BASE = Path(settings.BASE_DIR)
# Licences under which the service may be used and sold as it is.
FREE = re.compile(r"MIT|BSD|Apache|PSF|MPL|LGPL|ISC|Unlicense")


def required() -> dict[str, str]:
    """All packages of requirements.txt for any platform, by name."""
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", BASE.joinpath("requirements.txt").read_text(), re.MULTILINE))


def listed() -> dict[str, tuple[str, str]]:
    """Version and licence of each package in docs/licences.md."""
    rows = re.findall(
        r"^\| (\S+) +\| (\S+) +\| (.+?) +\|$", BASE.joinpath("docs", "licences.md").read_text(), re.MULTILINE
    )
    return {re.sub("[_.]", "-", name.lower()): (version, licence) for name, version, licence in rows if name != "Name"}


def test_licences_of_all_packages_are_listed() -> None:
    """After a change of requirements.txt: make licences."""
    assert {name: version for name, (version, _) in listed().items()} == required()


def test_every_licence_allows_free_use() -> None:
    assert {name: licence for name, (_, licence) in listed().items() if not FREE.search(licence)} == {}


@pytest.mark.django_db
def test_version_is_the_same_everywhere() -> None:
    version = tomllib.loads(BASE.joinpath("pyproject.toml").read_text())["project"]["version"]

    api = client()

    assert inviting_app.__version__ == version
    assert api.get("/readyz").json() == {"status": "ok", "version": version}
    assert api.get("/schema?format=json").json()["info"]["version"] == version
    login = api.get("/admin/login/").content.decode()
    assert f'<p class="quiet">inviting_app {version}</p>' in login
    assert "| inviting_app</title>" in login  # with SITE_NAME: the name
