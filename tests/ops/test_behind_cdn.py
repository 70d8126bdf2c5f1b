"""A CDN in front of the proxies of deploy/: its networks are believed, and nobody who reaches a proxy directly."""

import http.client
import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support import proxies
from tests.support.service import ready_service, service_folder

# This machine has all of these addresses.
CDN, CLIENT = "127.0.1.1", "127.0.0.5"
# As the files say.
TRUSTED_PROXIES = {"nginx": 1, "haproxy": 1, "caddy": 2}


@pytest.fixture(scope="module", params=TRUSTED_PROXIES)
def proxy(request: pytest.FixtureRequest) -> Iterator[tuple[str, int]]:
    """The name and the port of a proxy whose file names the network of the CDN."""
    name = str(request.param)
    with (
        ready_service(TRUSTED_PROXIES=str(TRUSTED_PROXIES[name])) as service,
        service_folder() as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(proxies, "DEPLOY", with_network(folder, "127.0.1.0/24"))
        with proxies.PROXIES[name](folder, service.port, "localhost") as port:
            yield name, port


def with_network(folder: Path, network: str) -> Path:
    """The folder of the proxies' files, with the lines for a CDN."""
    deploy = folder / "deploy"
    deploy.mkdir()
    for name in ("nginx.conf", "haproxy.cfg", "Caddyfile"):
        text = (proxies.DEPLOY / name).read_text()
        changed = re.sub(r"^(\s+)#(?=\S)", r"\1", text, flags=re.MULTILINE).replace("192.0.2.0/24", network)
        assert changed != text
        (deploy / name).write_text(changed)
    return deploy


def seen(port: int, source: str, claimed: str) -> str:
    """The address that the service takes for that of this client."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10, source_address=(source, 0))) as peer:

        def ask(method: str, path: str, body: Any = None, **headers: str) -> Any:
            head = {"Content-Type": "application/json", "Host": "localhost", "X-Forwarded-For": claimed, **headers}
            peer.request(method, path, json.dumps(body) if body else None, head)
            return json.loads(peer.getresponse().read() or b"null")

        asked = ask("POST", "/api/auth/signup", {"phone": f"99951{port:05}"})
        tokens = ask("POST", "/api/auth/login", {name: asked[name] for name in ("code", "challenge_id")})
        signed_in = {"Authorization": f"Bearer {tokens['token']}"}
        export = ask("GET", "/api/v1/profiles/me/export", **signed_in)
        ask("DELETE", "/api/v1/profiles/me", **signed_in)
    [address] = {challenge["address"] for challenge in export["challenges"]}
    return str(address)


def test_address_that_the_cdn_adds_is_the_clients(proxy: tuple[str, int]) -> None:
    assert seen(proxy[1], CDN, "6.6.6.6, 192.0.2.66") == "192.0.2.66"


def test_whoever_reaches_the_proxy_directly_claims_nothing(proxy: tuple[str, int]) -> None:
    name, port = proxy

    assert seen(port, CLIENT, "6.6.6.6, 192.0.2.66") == ("127.0.0.1" if name == "caddy" else CLIENT)
