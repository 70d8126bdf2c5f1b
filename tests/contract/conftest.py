"""The sources of the recordings, a running service for clients, and the programs that make clients.

What needs Node.js runs where `npm ci --prefix tests/contract/clients` has been run, and what needs Java where there is
a JDK. With CI set, all must run.
"""

import json
import os
import shutil
import urllib.error
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.urls import get_resolver

from tests.contract.commands import CLIENTS, MODULES, run
from tests.support.service import Service
from tests.support.used_service import service_with_a_vote

assert get_resolver().url_patterns  # the document is in the language in which the views were first loaded


@dataclass
class Seen:
    """The metrics and the log of a service from start to stop."""

    metrics: str
    lines: list[str]

    @property
    def logged(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]


@pytest.fixture(scope="session")
def seen() -> Iterator[Seen]:
    """A service with two users, a vote, refusals and an SMS."""
    with service_with_a_vote() as service:
        for path, body in [("/api/auth/signup", {"phone": "1"}), ("/api/nowhere?phone=9991110031", None)]:
            with suppress(urllib.error.HTTPError):
                service.call(path, body)
        service.answers("/9991110031/%0a%D0%B0")
        service.call("/api/auth/signup", {"phone": "9991110033"})  # nobody signs in with this one, so it is sent
        service.wait_for(lambda: "***0033" in service.output and 'outcome="sent"' in service.scrape())
        service.wait_for(lambda: "inviting_app_jobs_total{" in service.scrape())  # a periodic task has run
        metrics = service.scrape()
        service.stop()
        yield Seen(metrics, service.output.splitlines())


@pytest.fixture(scope="session")
def site(service: Service) -> str:
    return f"http://localhost:{service.port}"


@pytest.fixture(scope="session")
def document(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("document") / "openapi.json"
    path.write_text(json.dumps(service.call("/schema?format=json")))
    return path


@pytest.fixture(scope="module")
def node() -> Path:
    """The programs of `tests/contract/clients/package.json`."""
    if os.environ.get("CI"):
        if not MODULES.exists():
            run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=CLIENTS)
    elif not MODULES.exists() or not shutil.which("node"):
        pytest.skip("needs Node.js and `npm ci --prefix tests/contract/clients`")
    return MODULES / ".bin"


@pytest.fixture(scope="module")
def java() -> None:
    """A JDK, which openapi-generator needs."""
    if not os.environ.get("CI") and not shutil.which("javac"):
        pytest.skip("needs a JDK")
