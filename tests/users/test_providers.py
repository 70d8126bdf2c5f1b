"""Each shipped provider against a local server that answers as the provider's documentation says.

`tests/support/providers` has what each answers, as data.
"""

import json
import re
import socket
import time
import tomllib
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import pytest

from tests.support.http_gateway import running
from tests.support.provider_peer import BROKEN, FOLDER, PAGE, Asked, Peer, Reply, as_reply, played
from users.sms import gateways, http_api
from users.sms.answers import Answer, Message
from users.sms.fields import PLACEHOLDER
from users.sms.gateways import Gateway
from users.sms.provider_files import SHIPPED

PHONE = "+79991234567"
TEXT = "1234 — код\n\n@example.org #1234"
MESSAGE = Message(PHONE, TEXT, "1234", "77")

NAMES = sorted(path.stem for path in FOLDER.glob("*.toml"))
ANSWERS = [(name, answer) for name in NAMES for answer in played(name)["answers"]]
CHECKS = [(name, answer) for name in NAMES for answer in played(name).get("checks", [])]
VARIANTS = [(name, variant) for name in NAMES for variant in [{}, *played(name).get("variants", [])]]


def title(value: Any) -> str:
    return str(value if isinstance(value, str) else value.get("name", value.get("gateway", "usual")))


@pytest.fixture
def peer() -> Iterator[Peer]:
    yield from running(Peer)


def gateway(name: str, host: str, url: str = "") -> Gateway:
    """The gateway of the test data, with this host instead of the provider's own."""
    scheme, _, rest = (url or played(name)["gateway"]).partition("://")
    account, _, more = rest.rpartition("@")
    path = more[more.index("/") :] if "/" in more.partition("?")[0] else more[more.find("?") :] if "?" in more else ""
    at = f"{account}@" if account else ""
    return gateways.parse(f"1 {name}", f"{scheme.partition('+')[0]}+http://{at}{host}{path}", "")


def expected(wanted: Any, receipts: str) -> Any:
    """The test data with the message's own values. No field has the URL of receipts if there is none."""
    if isinstance(wanted, dict):
        if not receipts:
            wanted = {key: value for key, value in wanted.items() if value != "{receipts}"}
        made = {key: expected(value, receipts) for key, value in wanted.items()}
        return {key: value for key, value in made.items() if value != {}}
    if isinstance(wanted, list):
        return [expected(value, receipts) for value in wanted]
    if isinstance(wanted, str):
        return wanted.replace("{text}", TEXT).replace("{receipts}", receipts)
    return wanted


def body_of(asked: Asked, wanted: dict[str, Any]) -> Any:
    if "json" in wanted:
        return json.loads(asked.body)
    return dict(parse_qsl(asked.body.decode(), keep_blank_values=True, strict_parsing=bool(asked.body)))


@pytest.mark.parametrize("site", ["https://example.org", "http://localhost:8000"])
@pytest.mark.parametrize(("name", "variant"), VARIANTS, ids=title)
def test_request_is_as_documented(name: str, variant: dict[str, Any], site: str, peer: Peer, settings: Any) -> None:
    settings.SITE_URL = site
    wanted = {**played(name)["request"], **variant}
    made = gateway(name, peer.host, variant.get("gateway", ""))

    made.begin(MESSAGE).answer()

    [asked] = peer.asked
    receipts = made.request_values(MESSAGE).get("receipts", "")
    assert (asked.method, asked.path) == (wanted.get("method", "POST"), wanted["path"])
    assert asked.query == expected(wanted.get("query", {}), receipts)
    assert body_of(asked, wanted) == expected(wanted.get("json", wanted.get("form", {})), receipts)
    assert wanted.get("headers", {}).items() <= asked.headers.items()


@pytest.mark.parametrize(("name", "answer"), ANSWERS, ids=title)
def test_answer_has_its_verdict(name: str, answer: dict[str, Any], peer: Peer) -> None:
    peer.reply = as_reply(answer)

    said = gateway(name, peer.host).begin(MESSAGE).answer()

    assert (said.verdict, said.reason or "") == (answer["verdict"], answer.get("reason", said.reason or ""))
    assert said.reference == answer.get("reference", "")
    assert not [secret for secret in [*played(name)["secrets"], PHONE[1:], PHONE[2:]] if secret in str(said)]


@pytest.mark.parametrize(("name", "answer"), CHECKS, ids=title)
def test_check_of_the_account_has_its_verdict(name: str, answer: dict[str, Any], peer: Peer) -> None:
    peer.reply = as_reply(answer)

    said = gateway(name, peer.host).check()

    assert said is not None and said.verdict == answer["verdict"]
    assert (said.reason or "") == answer.get("reason", said.reason or "")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("broken", BROKEN)
def test_unclear_answer_is_an_unknown_outcome(name: str, broken: str, peer: Peer) -> None:
    peer.reply = BROKEN[broken]

    said = gateway(name, peer.host).begin(MESSAGE).answer()

    assert said.verdict == "unknown"
    assert len(peer.asked) == 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("status", "verdict"),
    [*((status, "temporary") for status in (302, 400, 404, 429, 503)), (401, "account"), (402, "account")],
)
def test_status_without_a_known_body_has_its_verdict(name: str, status: int, verdict: str, peer: Peer) -> None:
    peer.reply = Reply(status, PAGE, {"Location": f"http://{peer.host}/elsewhere"})

    assert gateway(name, peer.host).begin(MESSAGE).answer().verdict == verdict
    assert len(peer.asked) == 1


@pytest.mark.parametrize("name", NAMES)
def test_silent_provider_is_an_unknown_outcome_in_time(name: str, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert http_api.SECONDS == 8
    monkeypatch.setattr(http_api, "SECONDS", 0.1)
    peer.reply = Reply(manner="silent")

    said = gateway(name, peer.host).begin(MESSAGE).answer()

    assert (said.verdict, said.reason) == ("unknown", "no_answer")


@pytest.mark.parametrize("name", NAMES)
def test_closed_port_is_no_connection(name: str) -> None:
    with socket.socket() as bound:  # which keeps the port, and does not listen
        bound.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{bound.getsockname()[1]}"

        assert gateway(name, host).begin(MESSAGE).answer() == Answer(gateways.Reason.NO_CONNECTION, code="refused")


def patterns(table: Any) -> Iterator[str]:
    """All regular expressions that read what a provider wrote."""
    if isinstance(table, str) and table.startswith("~"):
        yield PLACEHOLDER.sub("79991234567", table[1:])
    elif isinstance(table, dict):
        yield from filter(None, [table.get("pattern")])
        yield from (found for each in table.values() for found in patterns(each))
    elif isinstance(table, list):
        yield from (found for each in table for found in patterns(each))


@pytest.mark.parametrize(
    "pattern", sorted({one for one in patterns(tomllib.loads(SHIPPED.read_text())) if re.search("[*+{]", one)})
)
def test_pattern_reads_the_longest_answer_at_once(pattern: str) -> None:
    for word in {*re.findall(r"[^\W\d_]{3,}", pattern), "", "0", "79991234567"}:
        for repeated in (f"{word} ", f"{word}{' ' * 50}"):
            hostile = f"{word or 'x'}{repeated * (http_api.MAX_ANSWER // len(repeated))}\nx"
            started = time.thread_time()
            re.search(pattern, hostile, re.IGNORECASE)
            assert time.thread_time() - started < 0.5, word


def test_every_shipped_provider_is_played() -> None:
    http = {name for name, table in tomllib.loads(SHIPPED.read_text()).items() if table.get("protocol") != "smpp"}

    assert http == set(NAMES)


def test_messaging_service_given_as_a_sender_is_refused() -> None:
    with pytest.raises(gateways.GatewayError, match="the parameter sender is not valid"):
        gateways.parse("1 twilio", f"twilio://AC1:token@?sender=MG{'0' * 32}", "")
