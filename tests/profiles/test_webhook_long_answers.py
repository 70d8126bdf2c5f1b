"""Answers and connections of receivers that would hold up the events of all others: a worker has one loop for all."""

import socket
import ssl
from collections.abc import AsyncIterator
from typing import Any

import h11
import httpcore
import pytest

from profiles.webhooks import network, posting
from profiles.webhooks.answers import Answer
from tests.support.webhooks import LOOPBACK, answering, post


@pytest.mark.parametrize(
    "before", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"]
)
def test_head_and_trailers_of_many_lines_are_not_read(
    settings: Any, monkeypatch: pytest.MonkeyPatch, before: bytes
) -> None:
    """All of them are read in one step of the loop."""
    read: list[bytes] = []
    receive = h11.Connection.receive_data

    def noted(connection: h11.Connection, data: bytes) -> None:
        read.append(data)
        receive(connection, data)

    monkeypatch.setattr(h11.Connection, "receive_data", noted)
    settings.WEBHOOK_PRIVATE_ADDRESSES = LOOPBACK

    with answering(before + b"a:b\r\n" * 19_000 + b"\r\n") as url:
        post(url)

    assert 0 < b"".join(read).count(b"\n") <= network.MOST_LINES


def test_answer_in_tiny_chunks_is_not_read_to_its_end(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would hold up the events of all other receivers."""
    taken: list[bytes] = []
    read = httpcore.Response.aiter_stream

    async def noted(response: httpcore.Response) -> AsyncIterator[bytes]:
        async for chunk in read(response):
            taken.append(chunk)
            yield chunk

    monkeypatch.setattr(httpcore.Response, "aiter_stream", noted)
    settings.WEBHOOK_PRIVATE_ADDRESSES = LOOPBACK

    with answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 65_000) as url:
        assert post(url) == Answer(200)

    assert 0 < len(taken) <= 65


def test_receiver_does_not_choose_how_long_a_handshake_takes() -> None:
    """With DHE it chooses the length of the numbers."""
    keys = {one["kea"] for one in posting._tls().get_ciphers()}

    assert keys >= {"kx-any", "kx-ecdhe"}
    assert "kx-dhe" not in keys


def test_receiver_cannot_choose_a_finite_field_in_tls_1_3() -> None:
    """That of 8192 bits takes the loop 0.1 s for each connection, and the receiver nothing."""
    sent = ssl.MemoryBIO()
    connection = posting._tls().wrap_bio(ssl.MemoryBIO(), sent, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        connection.do_handshake()

    # supported_groups with P-256 alone (RFC 8446, 4.2.7).
    assert bytes.fromhex("000a 0004 0002 0017") in sent.read()


def test_system_keeps_little_of_an_answer_for_one_step(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that is there of TLS is read in one step: 64 KB of changes of key took the loop 12 ms on each connection."""
    kept: list[int] = []
    connected = network.CheckedNetwork._connected

    async def noted(backend: network.CheckedNetwork, *options: Any) -> network.ShortStream:
        stream = await connected(backend, *options)
        kept.append(stream.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF))
        return stream

    monkeypatch.setattr(network.CheckedNetwork, "_connected", noted)
    settings.WEBHOOK_PRIVATE_ADDRESSES = LOOPBACK

    with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as url:
        assert post(url) == Answer(200)

    assert 0 < max(kept) <= 2 * posting.BUFFER_BYTES  # Linux doubles it, for its own use
