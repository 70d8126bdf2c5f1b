"""nginx gets a certificate, and later another one, while it serves: the file of certbot is found without TLS."""

import http.client
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.ports import free_port
from tests.support.proxies import nginx
from tests.support.service import service_folder


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with service_folder() as made, nginx(made, free_port()):
        yield made


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/.well-known/acme-challenge/token", (200, None, b"proof")),
        ("/.well-known/acme-challenge/none", (404, None, None)),
        ("/admin/?next=/", (301, "https://localhost/admin/?next=/", None)),
        ("/.well-known/other", (301, "https://localhost/.well-known/other", None)),
    ],
)
def test_only_the_proof_of_certbot_is_served_without_tls(
    folder: Path, path: str, expected: tuple[int, str | None, bytes | None]
) -> None:
    proof = folder / ".well-known/acme-challenge/token"
    proof.parent.mkdir(parents=True, exist_ok=True)
    proof.write_bytes(b"proof")
    # The first server of the file, which has no TLS on a real host either.
    port = re.findall(r"listen 127\.0\.0\.1:(\d+)", (folder / "site.conf").read_text())[0]

    with closing(http.client.HTTPConnection("127.0.0.1", int(port), timeout=10)) as client:
        client.request("GET", path, headers={"Host": "localhost"})
        answer = client.getresponse()
        body = answer.read()

    status, location, content = expected
    assert (answer.status, answer.getheader("Location")) == (status, location)
    assert content in (None, body)
