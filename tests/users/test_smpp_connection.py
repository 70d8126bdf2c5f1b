"""The connection to an SMPP centre: shared, watched, lost and opened again."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.smpp_server import PASSWORD, USER, Centre
from tests.support.smpp_steps import PHONE, TEXT, join, provider, run_centre, send
from users.sms import smpp, smpp_session
from users.sms.answers import Answer, Message, Reason, Verdict


@pytest.fixture
def centre() -> Iterator[Centre]:
    yield from run_centre()


def test_all_threads_share_one_bind_and_get_their_own_answer(centre: Centre) -> None:
    """The centre answers when all ten have asked, the last first."""
    held: list[Any] = []
    lock = threading.Lock()

    def hold(session: Any, pdu: Any) -> None:
        with lock:
            held.append(pdu)
            if len(held) == 10:
                for each in reversed(held):
                    session.accept(each, each.destination_addr.decode())

    centre.on_submit = hold
    phones = [f"+7999000000{n}" for n in range(10)]

    with ThreadPoolExecutor(10) as pool:
        answers = pool.map(lambda phone: send(centre, phone=phone), phones)
        assert [answer.reference for answer in answers] == [phone[1:] for phone in phones]

    assert centre.sessions.qsize() == 1


def test_many_messages_go_through_one_bind(centre: Centre) -> None:
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda n: send(centre), range(200)))

    assert {answer.verdict for answer in answers} == {Verdict.ACCEPTED}
    assert len({answer.reference for answer in answers}) == len(centre.messages) == 200
    assert centre.sessions.qsize() == 1


def test_nobody_listens() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        host = f"127.0.0.1:{server.getsockname()[1]}"

    answer = smpp.send(provider(), {"user": USER, "password": PASSWORD, "host": host}, Message(PHONE, TEXT, "", "1"))
    smpp.close()

    assert answer == Answer(Reason.NO_CONNECTION, code="refused") and answer.verdict == Verdict.TEMPORARY


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff" * 64, bytes(16)])
def test_peer_that_is_no_centre(said: bytes) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def answer() -> None:
            for _ in range(2):  # one for each look of `send`
                connection, _address = server.accept()
                with connection:
                    connection.recv(100)
                    connection.sendall(said)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        host = f"127.0.0.1:{server.getsockname()[1]}"
        given = {"user": USER, "password": PASSWORD, "host": host}

        assert smpp.send(provider(), given, Message(PHONE, TEXT, "", "1")) == Answer(Reason.NO_CONNECTION)
        assert smpp.check(provider(), given) == Answer(Reason.NO_CONNECTION)
        thread.join(10)
    smpp.close()


def test_silent_centre(centre: Centre) -> None:
    """Before the bind nothing was sent. After it the message may have been taken."""
    centre.answers.clear()
    assert send(centre, seconds=0.1) == Answer(Reason.NO_CONNECTION, code="timeout")

    centre.answers.set()
    assert send(centre).verdict == Verdict.ACCEPTED

    centre.answers.clear()
    answer = send(centre, seconds=0.5)
    assert answer == Answer(Reason.NO_ANSWER) and answer.verdict == Verdict.UNKNOWN


def test_answer_that_comes_too_late_is_nobody_elses(centre: Centre) -> None:
    late: list[Any] = []
    centre.on_submit = lambda session, pdu: late.append((session, pdu))
    assert send(centre, seconds=2) == Answer(Reason.NO_ANSWER)

    def after(session: Any, pdu: Any) -> None:
        late[0][0].accept(late[0][1], "late")
        session.accept(pdu, "own")

    centre.on_submit = after
    assert send(centre).reference == "own"


def test_lost_connection(centre: Centre) -> None:
    """With a message on its way the outcome is unknown. The next message opens a new connection."""
    centre.on_submit = lambda session, pdu: session.cut()
    assert send(centre) == Answer(Reason.NO_ANSWER)
    join()

    centre.on_submit = lambda session, pdu: session.accept(pdu)
    assert send(centre).verdict == Verdict.ACCEPTED
    assert centre.sessions.qsize() == 2


def test_connection_that_ends_between_two_parts_is_an_unknown_outcome(centre: Centre) -> None:
    """The first part was taken, and is paid."""
    assert send(centre).verdict == Verdict.ACCEPTED

    def end(session: Any, pdu: Any) -> None:
        centre.answers.clear()  # the next bind gets no response
        session.ask("unbind")
        session.accept(pdu)

    centre.on_submit = end

    assert send(centre, "я" * 100, seconds=1) == Answer(Reason.NO_ANSWER)
    assert len(centre.submits) == 2


def test_centre_may_end_the_connection(centre: Centre) -> None:
    assert send(centre).verdict == Verdict.ACCEPTED
    centre.sessions.get(timeout=10).ask("unbind")
    assert centre.saw("unbind_resp")
    join()

    assert send(centre).verdict == Verdict.ACCEPTED
    assert centre.sessions.qsize() == 1


def test_idle_connection_is_kept_and_a_dead_one_noticed(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smpp_session, "IDLE_SECONDS", 0.01)
    assert send(centre).verdict == Verdict.ACCEPTED
    assert centre.saw("enquire_link") and centre.saw("enquire_link")
    assert centre.sessions.qsize() == 1

    monkeypatch.setattr(smpp_session, "ENQUIRE_SECONDS", 0.01)
    centre.answers.clear()
    join()


def test_requests_of_the_centre_are_answered(centre: Centre) -> None:
    send(centre)
    session = centre.sessions.get(timeout=10)

    session.ask("enquire_link")
    assert centre.saw("enquire_link_resp").status == 0
    session.ask("deliver_sm", source_addr="79990000000", short_message=b"STOP")
    assert centre.saw("deliver_sm_resp").status != 0  # this process takes no messages
    session.ask("data_sm")
    assert centre.saw("generic_nack").status == 3
    session.send(bytes.fromhex("00000010 00000abc 00000000 00000009"))  # a command that does not exist
    nack = centre.saw("generic_nack")
    assert (nack.status, nack.sequence) == (3, 9)
    assert send(centre).verdict == Verdict.ACCEPTED


@pytest.mark.parametrize(
    "octets",
    [
        "00000013 80000004 00000000 {} 414200",  # a message id after which something is missing is read
        "00000010 80000004 00000000 {}",
    ],
)
def test_response_may_be_short(centre: Centre, octets: str) -> None:
    centre.on_submit = lambda session, pdu: session.send(bytes.fromhex(octets.format(f"{pdu.sequence:08x}")))

    assert send(centre).reference in ("AB", "")


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        ("00000010 80000000 00000003 {}", Reason.REJECTED),  # generic_nack
        ("00000010 80000000 00000000 {}", Reason.NO_ANSWER),  # a contradiction
        ("00000010 80000015 00000000 {}", Reason.NO_ANSWER),  # the response to another command
        ("7fffffff 80000004 00000000 {}", Reason.NO_ANSWER),
        ("0000000f 80000004 00000000 {}", Reason.NO_ANSWER),
        ("00000000 80000004 00000000 {}", Reason.NO_ANSWER),
    ],
)
def test_malformed_response_is_not_accepted(centre: Centre, octets: str, reason: Reason) -> None:
    centre.on_submit = lambda session, pdu: session.send(bytes.fromhex(octets.format(f"{pdu.sequence:08x}")))

    assert send(centre).reason == reason


def test_process_unbinds_when_it_ends(centre: Centre) -> None:
    send(centre)

    smpp.close()

    assert centre.saw("unbind")
    assert send(centre).verdict == Verdict.ACCEPTED


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """The certificate of localhost, with its key."""
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    made = ["openssl", "req", "-x509", *kind, *name, "-out", "certificate.pem", "-keyout", "key.pem"]
    subprocess.run(made, check=True, capture_output=True, cwd=tmp_path)
    return tmp_path / "certificate.pem"


@pytest.fixture
def tls_centre(certificate: Path) -> Iterator[Centre]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    yield from run_centre(context)


def test_tls_centre_shows_a_certificate_for_its_host(
    tls_centre: Centre, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = f"localhost:{tls_centre.port}"
    untrusted = Answer(Reason.NO_CONNECTION, code="certificate")
    assert send(tls_centre, host=host, tls="1") == untrusted  # nobody knows who signed it

    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert send(tls_centre, tls="1") == untrusted  # another name
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda n: send(tls_centre, host=host, tls="1"), range(100)))

    assert {answer.verdict for answer in answers} == {Verdict.ACCEPTED}
    assert len(tls_centre.messages) == 100 and tls_centre.sessions.qsize() == 1
    tls_centre.sessions.get().ask("enquire_link")
    assert tls_centre.saw("enquire_link_resp")
