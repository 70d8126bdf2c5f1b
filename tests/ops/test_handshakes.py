"""The groups that clients may choose for the exchange of keys in TLS, behind the proxies of deploy/."""

import socket
from pathlib import Path

import pytest

from tests.support.ports import free_port
from tests.support.proxies import PROXIES
from tests.support.service import service_folder

# Groups of TLS 1.3 by their numbers (RFC 8446, 4.2.7), each with the bytes of a key share.
X25519 = (0x001D, 32)
# ffdhe2048, 3072, 4096, 6144 and 8192. The last one took nginx 94 ms for one handshake, and X25519 0.4 ms.
FINITE_FIELDS = [(0x0100 + place, size) for place, size in enumerate((256, 384, 512, 768, 1024))]

ALERT, HANDSHAKE = 0x15, 0x16


def sized(content: bytes, size: int = 2) -> bytes:
    return len(content).to_bytes(size) + content


def extension(number: int, content: bytes) -> bytes:
    return number.to_bytes(2) + sized(content)


def client_hello(group: int, size: int) -> bytes:
    """The first record of a client that knows this group only. Making it takes no arithmetic: 4 is a share of all."""
    name = group.to_bytes(2)
    extensions = [
        extension(0, sized(b"\0" + sized(b"localhost"))),  # server_name: Caddy serves no other
        extension(43, sized(b"\3\4", 1)),  # supported_versions: TLS 1.3
        extension(13, sized(b"\4\3\x08\4")),  # signature_algorithms: of the certificate, and one of RSA
        extension(10, sized(name)),  # supported_groups
        extension(51, sized(name + sized((4).to_bytes(size)))),  # key_share
    ]
    ciphers, compression = sized(b"\x13\1\x13\2"), sized(b"\0", 1)
    hello = b"\3\3" + bytes(32) + sized(b"", 1) + ciphers + compression + sized(b"".join(extensions))
    return bytes([HANDSHAKE, 3, 1]) + sized(b"\1" + sized(hello, 3))


def answer(port: int, group: tuple[int, int]) -> int:
    """The type of the first record that a proxy answers."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(client_hello(*group))
        return client.recv(1)[0]


@pytest.mark.parametrize("name", PROXIES)
def test_client_cannot_choose_a_group_that_takes_long(name: str, certificate: Path) -> None:
    """Proxies compute handshakes one after the other. With ffdhe8192, five a second kept everybody else out."""
    with service_folder() as folder, PROXIES[name](folder, free_port(), "localhost", tls=certificate) as port:
        assert answer(port, X25519) == HANDSHAKE
        assert {answer(port, group) for group in FINITE_FIELDS} == {ALERT}
