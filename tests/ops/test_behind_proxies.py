"""Requests in the forms that RFC 9112 allows: to gunicorn's own port, and through the proxies of deploy/."""

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.support.proxies import PROXIES
from tests.support.service import Service, ready_service, service_folder

SITE, PUNYCODE = "http://пример.рф", "xn--e1afmkfd.xn--p1ai"
ME, SIGNUP = "/api/v1/profiles/me", "/api/auth/signup"
USER_AGENT = "Приложение/1.0 (Пиксель 📱)"
BODY = b'{"phone": "9991234567"}'
CHUNKED = (
    f"POST {SIGNUP} HTTP/1.1\r\nHost: {PUNYCODE}\r\nConnection: close\r\nContent-Type: application/json\r\n".encode()
)
TRANSFER = b"Transfer-Encoding: chunked\r\n"


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with ready_service(SITE_URL=SITE, ALLOW_DEMO="1", EXTRA_HOSTS="10.0.2.2", TRUSTED_PROXIES="1") as started:
        yield started


@pytest.fixture(scope="module", params=["none", *PROXIES])
def port(service: Service, request: pytest.FixtureRequest) -> Iterator[int]:
    """The port of the service, then of each proxy in front of it."""
    if request.param == "none":
        yield service.port
    else:
        with service_folder() as folder, PROXIES[request.param](folder, service.port, PUNYCODE) as listening:
            yield listening


def ask(port: int, method: str, path: str, body: Any = None, source: str = "127.0.0.1", **headers: str) -> Any:
    """Status and JSON of the response. Underscores in the names of headers are dashes."""
    data = b"" if body is None else json.dumps(body).encode()
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10, source_address=(source, 0))) as peer:
        peer.putrequest(method, path, skip_host=True)
        given = {"Host": PUNYCODE, "Content_Type": "application/json", "Content_Length": str(len(data)), **headers}
        for name, value in given.items():
            peer.putheader(name.replace("_", "-"), value.encode())
        peer.endheaders(data)
        answer = peer.getresponse()
        return answer.status, json.loads(answer.read() or b"null")


def send(port: int, *parts: bytes) -> bytes:
    """All that comes back. Each part is sent after the answer to the one before."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as peer:
        answers = b""
        for number, part in enumerate(parts):
            peer.sendall(part)
            answers += peer.recv(65536) if number < len(parts) - 1 else b""
        return answers + b"".join(iter(lambda: peer.recv(65536), b""))


def chunk(data: bytes, extension: bytes = b"") -> bytes:
    return b"%x%s\r\n%s\r\n" % (len(data), extension, data)


CHUNKS = {
    "one chunk": chunk(BODY) + b"0\r\n\r\n",
    "a chunk for each byte": b"".join(chunk(BODY[at : at + 1]) for at in range(len(BODY))) + b"0\r\n\r\n",
    "sizes with zeros": b"00000" + chunk(BODY) + b"000\r\n\r\n",
    "extensions": chunk(BODY, b';a;b=c;d="e f"') + b"0;last\r\n\r\n",
    "a trailer": chunk(BODY) + b"0\r\nX-Checksum: 1\r\nX-Other: 2\r\n\r\n",
    "a byte order mark": chunk(b"\xef\xbb\xbf") + chunk(BODY) + b"0\r\n\r\n",
    "64 KB": chunk(BODY.ljust(64 * 1024)) + b"0\r\n\r\n",
}


@pytest.mark.parametrize("chunks", CHUNKS.values(), ids=CHUNKS)
def test_chunked_body_is_read(port: int, chunks: bytes) -> None:
    answer = send(port, CHUNKED + TRANSFER + b"\r\n" + chunks)

    assert answer.startswith(b"HTTP/1.1 200 ") and b'"challenge_id"' in answer


def test_coding_is_read_in_any_case(port: int) -> None:
    answer = send(port, CHUNKED + b"transfer-encoding:Chunked\r\n\r\n" + CHUNKS["one chunk"])

    assert answer.startswith(b"HTTP/1.1 200 ")


def test_empty_chunked_body_is_an_empty_one(port: int) -> None:
    answer = send(port, CHUNKED + TRANSFER + b"\r\n0\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 400 ") and b'"field":"phone"' in answer


@pytest.mark.parametrize("expect", [b"Expect: 100-continue\r\n", b"expect:100-Continue\r\n"])
@pytest.mark.parametrize("head", [TRANSFER, b"Content-Length: %d\r\n" % len(BODY)], ids=["chunked", "a length"])
def test_client_that_expects_100_sends_its_body_after_it(port: int, head: bytes, expect: bytes) -> None:
    body = CHUNKS["one chunk"] if head == TRANSFER else BODY

    answer = send(port, CHUNKED + expect + head + b"\r\n", body)

    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 ")
    assert answer.count(b"HTTP/1.1 100 ") == 1


@pytest.mark.parametrize("head", [b"identity, chunked", b"identity\r\nTransfer-Encoding: chunked"])
def test_identity_before_chunked_changes_nothing(service: Service, head: bytes) -> None:
    answer = send(service.port, CHUNKED + b"Transfer-Encoding: " + head + b"\r\n\r\n" + CHUNKS["one chunk"])

    assert answer.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("host", [PUNYCODE, PUNYCODE.upper(), f"{PUNYCODE}:80", f"{PUNYCODE}:443"])
@pytest.mark.parametrize("dot", ["", "."])
def test_host_is_accepted_in_every_spelling(port: int, request: pytest.FixtureRequest, host: str, dot: str) -> None:
    if dot and "caddy" in request.node.callspec.id:
        pytest.skip("Caddy itself does not serve a name with a dot at its end")
    name, colon, number = host.partition(":")

    status, problem = ask(port, "GET", ME, Host=f"{name}{dot}{colon}{number}")

    assert (status, problem["code"]) == (401, "not_authenticated")
    assert problem["type"] == f"http://{PUNYCODE}/problems/not_authenticated"


def test_page_of_the_site_may_sign_in_and_another_may_not(port: int) -> None:
    own, _ = ask(port, "POST", SIGNUP, {"phone": "9991234567"}, Origin=f"http://{PUNYCODE}")
    other, problem = ask(port, "POST", SIGNUP, {"phone": "9991234567"}, Origin="http://attacker.example")

    assert own == 200
    assert (other, problem["code"]) == (403, "foreign_origin")


@pytest.mark.parametrize("claimed", ["", "192.0.2.66", "192.0.2.66:80, [2001:db8::1]:443"])
def test_address_and_name_of_the_client_are_shown_as_they_are(port: int, service: Service, claimed: str) -> None:
    seen = "127.0.0.5" if port != service.port or not claimed else "2001:db8::1" if "," in claimed else "192.0.2.66"
    headers = {"X_Forwarded_For": claimed} if claimed else {}
    phone = f"99950{port:05}"
    _, asked = ask(port, "POST", SIGNUP, {"phone": phone}, source="127.0.0.5", **headers)
    body = {"code": asked["code"], "challenge_id": asked["challenge_id"]}
    _, tokens = ask(port, "POST", "/api/auth/login", body, User_Agent=USER_AGENT)
    signed_in = {"Authorization": f"Bearer {tokens['token']}"}

    _, export = ask(port, "GET", f"{ME}/export", **signed_in)
    _, devices = ask(port, "GET", "/api/v1/devices", **signed_in)
    ask(port, "DELETE", ME, **signed_in)

    assert {challenge["address"] for challenge in export["challenges"]} == {seen}
    assert devices[0]["user_agent"] == USER_AGENT


@pytest.mark.parametrize("lines", [("192.0.2.1", "192.0.2.2:5100"), ("192.0.2.1, unknown", '"192.0.2.2"')])
def test_lines_of_the_header_are_one_list(service: Service, lines: tuple[str, str]) -> None:
    head = "".join(f"X-Forwarded-For: {line}\r\n" for line in lines).encode()

    answer = send(service.port, CHUNKED + head + TRANSFER + b"\r\n" + CHUNKS["one chunk"])

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert "is no address" not in service.output


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
@pytest.mark.parametrize("host", ["10.1.2.3:8000", "[fd00::7]:8000", "web_1", "other.example.org"])
def test_probe_may_name_any_host(service: Service, path: str, host: str) -> None:
    assert ask(service.port, "GET", path, Host=host)[0] == 200


def test_probe_of_http_1_0_names_no_host(service: Service) -> None:
    assert send(service.port, b"GET /livez HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.0 200 ")


def test_refused_host_is_told_and_logged(service: Service) -> None:
    status, problem = ask(service.port, "GET", ME, Host="192.168.1.5:8000")
    allowed, _ = ask(service.port, "GET", ME, Host="10.0.2.2:8000")

    assert (status, allowed) == (400, 401)
    assert '"192.168.1.5:8000"' in problem["detail"] and "EXTRA_HOSTS" in problem["detail"]
    assert "host '192.168.1.5:8000' is not in SITE_URL or EXTRA_HOSTS" in service.output
