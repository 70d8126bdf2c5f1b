"""Webhooks go to public addresses by https, and to private ones only if the deployer allows them."""

import socket
import ssl
import subprocess
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from profiles.webhooks import addresses, network, posting
from profiles.webhooks.answers import Answer, Failure
from tests.support.webhooks import LOOPBACK, Receiver, answering, begin, post


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("64:ff9b::5db8:d70e", True),
        *((address, False) for address in ("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254")),
        *((address, False) for address in ("0.0.0.0", "100.64.0.1", "224.0.0.1", "255.255.255.255", "192.0.2.1")),
        *((address, False) for address in ("::1", "::", "fd00::1", "fe80::1", "ff02::1", "2001:db8::1")),
        # What Python 3.11 takes for global.
        *((address, False) for address in ("192.0.0.192", "fec0::1", "5f00::1", "::7f00:1", "::ffff:0:7f00:1")),
        *((address, False) for address in ("64:ff9b:1::7f00:1", "64:ff9b:1::a00:1")),
        # An IPv4 address inside.
        *((address, False) for address in ("::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:7f00:1::")),
    ],
)
def test_public_addresses(address: str, public: bool) -> None:
    assert addresses.is_public(ip_address(address)) is public


@pytest.mark.parametrize(
    ("url", "why"),
    [
        *(
            (url, "Write a URL")
            for url in (
                "ftp://example.org/",
                "example.org/hook",
                "https://",
                "https://exa mple.org",
                "https://example.org:65536/",
            )
        ),
        *((url, "not a URL") for url in ("https://example.org:none/", "https://[::1/")),
        ("https://me:pw@example.org/", "Leave out the user"),
        ("https://example.org/#there", "Leave out the user"),
        ("http://example.org/", "Use https"),
        *((url, "is not public") for url in ("https://127.0.0.1/", "http://10.0.0.1/", "https://[::ffff:10.0.0.1]/")),
    ],
)
def test_url_that_cannot_be_used_is_refused(url: str, why: str) -> None:
    with pytest.raises(addresses.UrlNotAllowed, match=why):
        addresses.checked(url)


def test_url_is_stored_as_it_is_sent(settings: Any) -> None:
    known = addresses.checked(" https://пример.рф:8443/вход?a=b ")
    assert known == "https://xn--e1afmkfd.xn--p1ai:8443/%D0%B2%D1%85%D0%BE%D0%B4?a=b"

    settings.WEBHOOK_PRIVATE_ADDRESSES = LOOPBACK
    for url in ("http://receiver:8000/", "http://127.0.0.1/", "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/"):
        assert addresses.checked(url) == url


def test_private_addresses_that_are_allowed(settings: Any) -> None:
    settings.WEBHOOK_PRIVATE_ADDRESSES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]

    def allowed(address: str) -> list[str]:
        return [scheme for scheme in ("https", "http") if addresses.is_allowed(ip_address(address), scheme)]

    assert allowed("10.1.2.3") == allowed("fd00::1") == ["https", "http"]
    assert allowed("93.184.215.14") == ["https"]
    assert allowed("192.168.0.1") == allowed("::1") == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}/", "https://127.0.0.1:{port}/", "http://localhost:{port}/"])
def test_private_address_is_never_connected_to_by_default(receiver: Receiver, settings: Any, url: str) -> None:
    settings.WEBHOOK_PRIVATE_ADDRESSES = []

    assert post(url.format(port=receiver.server_port)) == Answer(failure=Failure.ADDRESS)
    assert receiver.messages == []


def test_name_is_resolved_once_and_its_checked_address_is_used(
    receiver: Receiver, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name whose address changes after the check, and one that has a forbidden address beside an allowed one."""
    asked = []

    def resolve(host: Any, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        asked.append(host)
        found = ["192.168.77.7", "127.0.0.1"] if len(asked) == 1 else ["192.168.77.7"]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", resolve)
        url = f"http://receiver.example.org:{receiver.server_port}/"

        assert [post(url), asked] == [Answer(200), ["receiver.example.org"]]
        assert receiver.messages[0]["host"] == f"receiver.example.org:{receiver.server_port}"
    assert settings.WEBHOOK_PRIVATE_ADDRESSES == LOOPBACK


def test_few_addresses_of_a_name_are_looked_at(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer of the DNS has up to 4,000. All of them would take the loop of all webhooks 20 ms a connection."""
    looked_at: list[addresses.Address] = []

    def noted(address: addresses.Address, scheme: str) -> bool:
        looked_at.append(address)
        return addresses.is_allowed(address, scheme)

    def resolve(host: Any, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        found = ["127.0.0.1", *(f"93.{number >> 8}.{number & 255}.7" for number in range(4000))]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    with monkeypatch.context() as patch:
        patch.setattr(network, "is_allowed", noted)
        patch.setattr(socket, "getaddrinfo", resolve)
        assert post(f"http://many.example.org:{receiver.server_port}/") == Answer(200)

    assert 0 < len(looked_at) <= network.MOST_ADDRESSES


def test_url_is_sent_whole_with_its_host(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """What follows a semicolon, and an IPv6 address with its brackets."""

    def resolve(host: Any, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", resolve)
        assert post(f"http://[::1]:{receiver.server_port}/a;b=1//c;d=2?e;f=%zz") == Answer(200)

    [message] = receiver.messages
    assert (message["path"], message["host"]) == ("/a;b=1//c;d=2?e;f=%zz", f"[::1]:{receiver.server_port}")


def test_receivers_that_hang_take_no_connection_of_others(receiver: Receiver, other_receiver: Receiver) -> None:
    receiver.answers.clear()
    hanging = [begin(receiver.url) for _ in range(posting.IDLE_CONNECTIONS + 1)]

    assert post(other_receiver.url) == Answer(200)
    receiver.answers.set()
    assert {one.result() for one in hanging} == {Answer(200)}


def test_redirect_is_not_followed(receiver: Receiver, other_receiver: Receiver) -> None:
    receiver.status, receiver.headers = 307, {"Location": other_receiver.url}

    assert post(receiver.url) == Answer(307)
    assert other_receiver.messages == []


def test_proxy_of_the_environment_is_not_used(
    receiver: Receiver, other_receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, other_receiver.url)
    monkeypatch.delenv("no_proxy", raising=False)

    assert post(receiver.url) == Answer(200)
    assert other_receiver.messages == []


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 10_000_000, Answer(200)),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 12000\r\n\r\n" + b"<p>\n" * 3_000, Answer(200)),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nx", Answer(200)),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno", Answer(200)),
        (b"SSH-2.0-server\r\n", Answer(failure=Failure.PROTOCOL)),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 10_000_000, Answer(failure=Failure.PROTOCOL)),
        (b"", Answer(failure=Failure.PROTOCOL)),
    ],
    ids=["long", "many lines", "cut off", "bad chunk", "no HTTP", "long header", "nothing"],
)
def test_odd_answers(settings: Any, said: bytes, answer: Answer) -> None:
    settings.WEBHOOK_PRIVATE_ADDRESSES = LOOPBACK
    with answering(said) as url:
        assert post(url) == answer


def test_silent_and_slow_receivers_end(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "SECONDS", 0.05)
    receiver.answers.clear()

    assert post(receiver.url) == Answer(failure=Failure.TIMEOUT)


def test_nobody_listens(settings: Any) -> None:
    settings.WEBHOOK_PRIVATE_ADDRESSES = LOOPBACK
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    assert post(f"http://127.0.0.1:{port}/") == Answer(failure=Failure.CONNECTION)
    assert post("https://no-such-host.invalid/") == Answer(failure=Failure.CONNECTION)


def test_certificate_must_be_of_the_host_and_trusted(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    made = ["openssl", "req", "-x509", *kind, *name, "-out", "certificate.pem", "-keyout", "key.pem"]
    subprocess.run(made, check=True, capture_output=True, cwd=tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")
    receiver.socket = context.wrap_socket(receiver.socket, server_side=True)
    by_name, by_address = (f"https://{host}:{receiver.server_port}/" for host in ("localhost", "127.0.0.1"))

    assert post(by_name) == Answer(failure=Failure.CONNECTION)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    for kept in (posting._pool, posting._tls):
        kept.cache_clear()  # a worker that is started with it
    assert [post(by_name), post(by_address)] == [Answer(200), Answer(failure=Failure.CONNECTION)]
    for kept in (posting._pool, posting._tls):
        kept.cache_clear()
