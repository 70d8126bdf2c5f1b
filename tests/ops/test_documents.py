"""The documents name settings, files and permissions that exist."""

import re
from pathlib import Path

import pytest
from django.conf import settings

from tests.support.environment import NAMES
from users.models import User

BASE = Path(settings.BASE_DIR)
PAGES = [*BASE.glob("*.md"), *BASE.glob("clients/*.md"), *BASE.glob("docs/*.md")]
# A file of the project in backticks, such as `users/models.py`.
FILE = re.compile(r"`((?:api|bench|clients|deploy|docs|inviting_app|profiles|tests|users)/[\w./-]+\.\w+)`")
# What a file has, as the map of the code tells it: `users/phones.py`: `mask`, or `mask` in `users/phones.py`.
NAMES_IN_FILE = re.compile(rf"{FILE.pattern}: ((?:`[\w.]+`(?:, )?)+)")
NAME_IN_FILE = re.compile(rf"`([\w.]+)`\s+in\s+{FILE.pattern}")
LINK = re.compile(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)")


def anchors(page: Path) -> set[str]:
    """The anchors of the page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_and_links_of_a_document_exist(page: Path) -> None:
    text = page.read_text()

    missing = [name for name in FILE.findall(text) if not (BASE / name).exists()]
    for name, anchor in LINK.findall(text):
        target = page.parent / name if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            missing.append(f"{name}#{anchor}")

    assert missing == []


def test_map_of_the_code_names_what_is_there() -> None:
    page = (BASE / "docs" / "architecture.md").read_text()
    named = [(file, name) for file, names in NAMES_IN_FILE.findall(page) for name in re.findall(r"`(.+?)`", names)]
    named += [(file, name) for name, file in NAME_IN_FILE.findall(page)]

    wrong = [
        f"{file}: {name}"
        for file, name in named
        if not all(re.search(rf"\b{part}\b", (BASE / file).read_text()) for part in name.split("."))
    ]

    assert (len(named) > 30, wrong) == (True, [])


def test_operations_list_every_setting_and_no_other() -> None:
    page = (BASE / "docs" / "operations.md").read_text()
    rows = re.findall(r"^\| ((?:`[A-Z_]+`(?:, )?)+) \|", page, re.MULTILINE)

    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == NAMES


def test_operations_let_root_follow_no_link_in_a_folder_of_the_service() -> None:
    """Whoever has got into the service owns these folders: a link there could lead root anywhere."""
    page = (BASE / "docs" / "operations.md").read_text()
    lines = "".join(re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)).splitlines()
    in_folder = [
        line
        for line in lines
        if re.search(r"\b(cat|cp|mv|chmod|chown) .*(/var/lib/inviting_app|/backups/|cluster)", line)
    ]
    # What `make run` keeps in .data belongs to whoever ran it.
    others = ("runuser --pty -u inviting_app -- ", "docker ", "mv .data/")
    by_root = [line for line in in_folder if not line.startswith(others)]

    assert (len(in_folder) > 3, by_root) == (True, [])


def test_security_names_the_permission_as_the_admin_shows_it() -> None:
    page = " ".join((BASE / "docs" / "security.md").read_text().split())

    assert all(f'the permission "{name}"' in page for _, name in User._meta.permissions)
