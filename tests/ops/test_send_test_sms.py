"""The command that sends one real SMS, with a gateway on this machine."""

import base64
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from django.core.management import CommandError, call_command

from tests.support import smpp_steps
from tests.support.http_gateway import Gateway, running
from tests.support.provider_peer import Peer, Reply
from tests.support.smpp_server import PASSWORD
from tests.support.smpp_steps import run_centre

PHONE = "999 123-45-67"


@pytest.fixture
def gateway(settings: Any) -> Iterator[Gateway]:
    for server in running():
        settings.SMS_GATEWAYS = [
            "webhook+http://127.0.0.1:9/absent",
            server.url.replace("http://", "http://operator:hunter2@") + "?secret=whsec_c2VjcmV0",
        ]
        yield server


def sent(*options: str) -> tuple[int, str]:
    """The status and the output of the command."""
    said = StringIO()
    try:
        call_command("send_test_sms", PHONE, *options, stdout=said)
    except SystemExit as end:
        return int(str(end.code)), said.getvalue()
    return 0, said.getvalue()


def test_accepted_sms_is_shown_with_its_request_and_its_reference(gateway: Gateway) -> None:
    status, said = sent("--gateway", "2")

    [message] = gateway.messages
    assert (message["to"], message["code"]) == ("+79991234567", "1234")
    assert message["text"].startswith("1234 is your sign-in code. Never share it.")
    assert status == 0
    assert "Gateway    2 webhook (" in said
    assert "Message    1 SMS, GSM alphabet, to +7***4567" in said
    assert f"Request    POST http://127.0.0.1:{gateway.server_port}/***" in said
    assert 'Answer     HTTP 200 {"id": "ref-1"}' in said
    assert "Verdict    accepted. " in said
    assert "Reference  ref-1" in said


def test_refusal_is_explained_and_ends_with_status_1(gateway: Gateway) -> None:
    gateway.answer = b'{"error": "credit", "account": "operator", "to": "+79991234567"}'

    status, said = sent("--gateway=2", "--text=Hello")

    assert (status, gateway.messages[0]["text"]) == (1, "Hello")
    assert "Verdict    account: no credit. Every SMS would go to the next gateway first." in said


def test_gateway_that_is_not_there_is_told(gateway: Gateway) -> None:
    status, said = sent()

    assert status == 1
    assert "Answer     none" in said and "Verdict    temporary: no connection (refused). " in said


def test_no_secret_and_no_full_number_is_printed(gateway: Gateway) -> None:
    gateway.answer = b'{"error": "credit", "account": "operator hunter2 c2VjcmV0", "to": "+79991234567 9991234567"}'

    _, said = sent("--gateway", "2")

    for secret in ("hunter2", "operator", "c2VjcmV0", "9991234567", "/sms"):
        assert secret not in said


def test_secret_is_not_printed_in_another_form_and_no_terminal_is_told_what_to_do(gateway: Gateway) -> None:
    pair = base64.b64encode(b"operator:hunter2").decode()
    gateway.answer = f"denied: HUNTER2 %68unter2 &#104;unter2 {pair} \x1b[2J\x9b31m\u202e".encode()

    _, said = sent("--gateway", "2")

    assert "Answer     HTTP 200 denied: *** *** *** *** \\x1b[2J\\x9b31m\\u202e\n" in said


def test_request_and_answer_in_another_encoding_are_readable(tmp_path: Path, settings: Any) -> None:
    settings.SMS_PROVIDERS = tmp_path / "own.toml"
    settings.SMS_PROVIDERS.write_text(
        """
        [own]
        title = "Own"
        docs = "https://example.org"
        charset = "windows-1251"
        [own.send]
        url = "{host}/send"
        query = { from = "{sender}" }
        form = { to = "{digits}", text = "{text}" }
        accepted = { ok = 1 }
        """
    )
    for peer in running(Peer):
        peer.reply = Reply(body='{"ok": 0, "error": "нет денег"}'.encode("cp1251"))
        settings.SMS_GATEWAYS = [f"own+http://{peer.host}?sender=Магазин"]

        said = sent("--text", "Код 1234")[1]

        assert dict(parse_qsl(peer.asked[0].body.decode(), encoding="cp1251"))["text"] == "Код 1234"
        assert "?from=Магазин\n" in said and "text=Код 1234\n" in said and '"нет денег"' in said


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["12"], "PHONE: is not a phone number"),
        (["+447400123456"], "PHONE: its country is not one of PHONE_REGIONS"),
        ([PHONE, "--gateway", "3"], "--gateway: must be from 1 to 2"),
    ],
)
def test_wrong_arguments_are_refused(gateway: Gateway, arguments: list[str], why: str) -> None:
    with pytest.raises(CommandError, match=why):
        call_command("send_test_sms", *arguments)
    assert gateway.messages == []


@pytest.mark.parametrize(
    ("password", "status", "answer"),
    [(PASSWORD, 0, "command_status 0x00000000"), ("wrong", 1, "command_status 0x0000000e")],
)
def test_status_of_a_message_centre_is_shown(settings: Any, password: str, status: int, answer: str) -> None:
    for centre in run_centre():
        settings.SMS_GATEWAYS = [centre.url.replace(PASSWORD, password)]

        ended, said = sent()

        assert (ended, f"Answer     {answer}\n" in said) == (status, True)


def test_message_centre_that_is_not_there_has_no_status(settings: Any) -> None:
    settings.SMS_GATEWAYS = ["smpp://esme:s3cret-9@127.0.0.1:9"]

    assert "Answer     none\n" in sent()[1]


def test_demo_mode_has_no_gateway_to_try() -> None:
    with pytest.raises(CommandError, match="SMS_GATEWAYS: no gateway is configured"):
        call_command("send_test_sms", PHONE)


def test_control_characters_of_an_smpp_reference_are_left_out() -> None:
    """A terminal would obey them, and no receipt could name it."""
    for centre in run_centre():
        centre.on_submit = lambda session, pdu: session.accept(pdu, "a\x1b[2J\tb")

        assert smpp_steps.send(centre).reference == "a[2Jb"
