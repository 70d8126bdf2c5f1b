"""`make demo` serves phones and emulators of the local network, with data of its own."""

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.conf import settings

from inviting_app.management.commands.demo import own_addresses
from tests.support.environment import NAMES
from tests.support.service import Service, prepared_folder, services

pytestmark = [
    pytest.mark.skipif(not settings.EMBEDDED_POSTGRES, reason="a demo needs the embedded PostgreSQL"),
    pytest.mark.long,
]

# Of a real service, in its `.env`: a demo uses none of it.
REAL = """
SITE_URL=https://invite.example.org
SMS_GATEWAYS=webhook+http://localhost/
SECRET_KEY=the key of a real service, which a demo must not use
TRUSTED_PROXIES=1
HOST=127.0.0.1
"""


@pytest.fixture(scope="module")
def demo() -> Iterator[Service]:
    with prepared_folder() as folder, services(folder) as make:
        (folder / "data").rename(folder / ".demo")
        (folder / "real").write_text(REAL)
        unset = dict.fromkeys(("SITE_URL", "SMS_GATEWAYS", "SECRET_KEY", "TRUSTED_PROXIES", "HOST"))
        service = make(command="demo", DATA_DIR=str(folder), ENV_FILE=str(folder / "real"), **unset)
        service.wait_until_ready()
        yield service


def asked(service: Service, address: str, host: str, path: str, body: str | None = None) -> tuple[int, bytes]:
    """The status and the body of a response to a device that names this host, with a page's headers."""
    with closing(http.client.HTTPConnection(address, service.port, timeout=10)) as peer:
        headers = {"Host": host, "Origin": f"http://{host}", "Content-Type": "application/json"}
        peer.request("POST" if body else "GET", path, body, headers)
        answer = peer.getresponse()
        return answer.status, answer.read()


def test_every_address_of_the_machine_serves_the_page_and_codes(demo: Service) -> None:
    for address in ["127.0.0.1", *own_addresses()]:
        host = f"{address}:{demo.port}"
        status, _ = asked(demo, address, host, "/")
        signed_up, body = asked(demo, address, host, "/api/auth/signup", '{"phone": "9991110041"}')

        assert (status, signed_up) == (200, 200), body
        assert len(json.loads(body)["code"]) == 4


@pytest.mark.long
@pytest.mark.parametrize(
    ("host", "status"), [("localhost", 200), ("10.0.2.2", 200), ("demo.example.org", 400), ("198.51.100.7", 400)]
)
def test_only_addresses_of_the_machine_and_its_emulators_are_served(demo: Service, host: str, status: int) -> None:
    assert asked(demo, "127.0.0.1", f"{host}:{demo.port}", "/")[0] == status


def test_address_code_and_warning_are_printed(demo: Service) -> None:
    demo.wait_for(lambda: "Demo mode" in demo.output)
    site = f"http://{[*own_addresses(), 'localhost'][0]}:{demo.port}/"

    assert f"For phones and computers of your network: open {site} or scan this." in demo.output
    assert "▄▄▄▄▄ █" in demo.output  # a corner of the QR code
    assert "WARNING: anyone in your network can sign in as anyone here." in demo.output


@pytest.mark.parametrize("url", ["postgresql://me@db.example/invites"])
def test_database_of_a_real_service_is_refused(tmp_path: Path, url: str) -> None:
    variables = dict.fromkeys(NAMES, "") | {"DATABASE_URL": url, "SECRET_KEY": settings.SECRET_KEY}

    refused = subprocess.run(
        [sys.executable, "manage.py", "demo"],
        cwd=settings.BASE_DIR,
        env=variables | {"DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )

    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)
    assert refused.stderr.startswith("CommandError: DATABASE_URL: a demo has data of its own.")
