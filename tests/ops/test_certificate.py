"""The worker and `manage.py doctor` look at the certificate that clients of SITE_URL see."""

import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from inviting_app.ops import certificate
from inviting_app.tasks import look_at_certificate
from tests.support.doctor import doctor
from tests.support.ports import free_port
from tests.support.proxies import installed
from users.clock import DAY
from users.models import SiteTotals
from users.queries import database_now

pytestmark = pytest.mark.django_db


@contextmanager
def shown(folder: Path, days: int) -> Iterator[int]:
    """A server on localhost with a certificate of this many days, signed by itself. Yields its port."""
    public, key = folder / "certificate.pem", folder / "key.pem"
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", str(days)]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files: list[str | Path] = ["-out", public, "-keyout", key]
    subprocess.run([installed("openssl"), "req", "-x509", *kind, *names, *files], capture_output=True, check=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, key)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    plain = server.accept()[0]
                    with suppress(OSError), plain, context.wrap_socket(plain, server_side=True) as peer:
                        peer.recv(1)

        thread = Thread(target=serve)
        thread.start()
        yield int(server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.fixture
def site(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """SITE_URL leads to a server whose certificate the machine trusts, and which ends in ten days."""
    monkeypatch.setattr(certificate, "is_local", lambda url: False)
    SiteTotals.objects.create(counted_at=database_now(), people_a_day=0, sms_in_a_day=0)
    with shown(tmp_path, 10) as port:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
        settings.SITE_URL = f"https://localhost:{port}"
        yield


def totals() -> SiteTotals:
    return SiteTotals.objects.get()


@pytest.mark.usefixtures("site")
def test_worker_remembers_until_when_it_is_valid() -> None:
    look_at_certificate(0)

    seen = certificate.last(totals())
    assert seen and seen.ends_at
    assert seen.host == "localhost"
    assert 9 * DAY < seen.ends_at - database_now() <= 10 * DAY
    assert not seen.is_late(database_now())
    assert seen.is_late(database_now() + 9 * DAY)


@pytest.mark.usefixtures("site")
def test_what_was_seen_of_another_host_does_not_count(settings: Any) -> None:
    look_at_certificate(0)

    settings.SITE_URL = "https://invite.example.org"

    assert certificate.last(totals()) is None


@pytest.mark.usefixtures("site")
def test_certificate_that_clients_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/dev/null")

    look_at_certificate(0)

    seen = certificate.last(totals())
    assert seen and seen.error == "self-signed certificate"
    assert "ERROR Clients refuse the certificate of localhost: self-signed certificate. (inviting_app.E025)" in said()


@pytest.mark.usefixtures("site")
def test_nothing_answers(settings: Any) -> None:
    look_at_certificate(0)
    before = totals().certificate
    settings.SITE_URL = f"https://localhost:{free_port()}"

    look_at_certificate(0)

    assert totals().certificate == before
    assert f"Nothing answers at {settings.SITE_URL} from here: Connection refused. (inviting_app.W025)" in said()


@pytest.mark.usefixtures("site")
def test_unknown_name_is_told_as_such(settings: Any) -> None:
    settings.SITE_URL = "https://invite.invalid"

    assert "The name of SITE_URL is not known here: invite.invalid. (inviting_app.W025)" in said()


def test_site_without_https_has_none() -> None:
    assert certificate.look() is None


def test_long_lifetime_counts_days_only() -> None:
    now = database_now()
    year = certificate.Certificate("a", now - 335 * DAY, now + 30 * DAY)

    assert not year.is_late(now)
    assert year.is_late(now + 17 * DAY)


def said() -> str:
    return doctor()[1]
