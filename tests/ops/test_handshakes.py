"""What clients may choose in a handshake of TLS, behind the proxies of deploy/: it must take them no time."""

import socket
import time
from pathlib import Path

import pytest

from tests.support.ports import free_port
from tests.support.proxies import PROXIES, nginx
from tests.support.service import service_folder

# Groups of TLS 1.3 by their numbers (RFC 8446, 4.2.7), each with the bytes of a key share.
X25519 = (0x001D, 32)
# ffdhe2048, 3072, 4096, 6144 and 8192. The last one took nginx 94 ms for one handshake, and X25519 0.4 ms.
FINITE_FIELDS = [(0x0100 + place, size) for place, size in enumerate((256, 384, 512, 768, 1024))]

# P-256, of which the share that `client_hello` has is no point.
NO_POINT = (0x0017, 65)

# The first is of the certificate (ECDSA with P-256), and the other of RSA (RFC 8446, 4.2.3).
SIGNATURES = b"\4\3", b"\x08\4"
UNKNOWN = b"\x99\x99"
# The length of two lists of them, which fit into one message.
MANY = 16_000

ALERT, HANDSHAKE = 0x15, 0x16
MOST_IN_A_RECORD = 16_384


def sized(content: bytes, size: int = 2) -> bytes:
    return len(content).to_bytes(size) + content


def extension(number: int, content: bytes) -> bytes:
    return number.to_bytes(2) + sized(content)


def client_hello(group: int, size: int, *extensions: bytes, signatures: bytes = b"".join(SIGNATURES)) -> bytes:
    """The first message of a client that knows this group only. Making it takes no arithmetic: 4 is a share of all."""
    name = group.to_bytes(2)
    known = [
        extension(0, sized(b"\0" + sized(b"localhost"))),  # server_name: Caddy serves no other
        extension(43, sized(b"\3\4", 1)),  # supported_versions: TLS 1.3
        extension(13, sized(signatures)),  # signature_algorithms
        extension(10, sized(name)),  # supported_groups
        extension(51, sized(name + sized((4).to_bytes(size)))),  # key_share
    ]
    ciphers, compression = sized(b"\x13\1\x13\2"), sized(b"\0", 1)
    hello = b"\3\3" + bytes(32) + sized(b"", 1) + ciphers + compression + sized(b"".join([*known, *extensions]))
    message = b"\1" + sized(hello, 3)
    parts = [message[start : start + MOST_IN_A_RECORD] for start in range(0, len(message), MOST_IN_A_RECORD)]
    return b"".join(bytes([HANDSHAKE, 3, 1]) + sized(part) for part in parts)


def answer(port: int, hello: bytes) -> int:
    """The type of the first record that a proxy answers."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        client.sendall(hello)
        return client.recv(1)[0]


@pytest.mark.parametrize("name", PROXIES)
def test_client_cannot_choose_a_group_that_takes_long(name: str, certificate: Path) -> None:
    """Proxies compute handshakes one after the other. With ffdhe8192, 5 to 20 a second made others wait for seconds."""
    with service_folder() as folder, PROXIES[name](folder, free_port(), "localhost", tls=certificate) as port:
        assert answer(port, client_hello(*X25519)) == HANDSHAKE
        assert {answer(port, client_hello(*group)) for group in FINITE_FIELDS} == {ALERT}


@pytest.mark.parametrize("name", PROXIES)
def test_long_lists_of_signatures_take_no_time(name: str, certificate: Path) -> None:
    """By the client's preference, OpenSSL compares each with each: one such client a second kept everybody else out."""
    certificates = extension(50, sized(MANY * UNKNOWN))  # signature_algorithms_cert
    hello = client_hello(*X25519, certificates, signatures=MANY * SIGNATURES[0])
    with service_folder() as folder, PROXIES[name](folder, free_port(), "localhost", tls=certificate) as port:
        began = time.monotonic()
        answer(port, hello)
        assert time.monotonic() - began < 1  # it was 1.9


def test_handshakes_with_a_bad_key_write_nothing_into_the_log_of_nginx(certificate: Path) -> None:
    """Only logrotate bounds that log, once a day: one client wrote 4,600 lines a second."""
    with service_folder() as folder:
        with nginx(folder, free_port(), "localhost", tls=certificate) as port:
            assert answer(port, client_hello(*NO_POINT)) == ALERT
        assert "handshak" not in (folder / "proxy.log").read_text()
