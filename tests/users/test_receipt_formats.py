"""Delivery receipts of each provider, and their signatures, as its documentation shows them."""

import json
import re
import tomllib
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from tests.support.receipts import SITE, inbound, path, sent, signed, state, take, url
from users.models import SmsDelivery
from users.sms import receipts, signatures
from users.sms.gateways import GatewayError, configured, parse
from users.sms.inbound import Inbound
from users.sms.provider_files import ProvidersError

pytestmark = pytest.mark.django_db

FOLDER = Path(__file__).parents[1] / "support" / "providers"
PLAYED = {file.stem: tomllib.loads(file.read_text()) for file in sorted(FOLDER.glob("*.toml"))}
RECEIPTS = [(name, receipt) for name, played in PLAYED.items() for receipt in played.get("receipts", [])]
# Without those that are only too old: a receipt that is sent again changes nothing.
SIGNATURES = [
    (name, example)
    for name, played in PLAYED.items()
    for example in played.get("signatures", [])
    if example.get("now", 0) <= int(example.get("headers", {}).get("telnyx-timestamp", 0)) + 300
]


@pytest.fixture(autouse=True)
def site(settings: Any) -> None:
    settings.SITE_URL, settings.DEMO = SITE, False


def title(value: Any) -> str:
    return value if isinstance(value, str) else str(value.get("name") or value.get("valid", ""))


@pytest.mark.parametrize(("name", "receipt"), RECEIPTS, ids=title)
def test_receipt_is_read_as_documented(name: str, receipt: dict[str, Any], settings: Any) -> None:
    settings.SMS_GATEWAYS = [url(receipt.get("gateway", PLAYED[name]["gateway"]))]
    references = {answer["reference"] for answer in PLAYED[name]["answers"] if answer["verdict"] == "accepted"}
    [gateway] = configured()
    for reference in references | set(receipt.get("references", [])):
        sent(gateway.name, reference)

    if receipt["outcome"] == "forged":
        with pytest.raises(receipts.Forged):
            take(receipt)
    else:
        take(signed(gateway, receipt, path()))

    states = {state(delivery) for delivery in SmsDelivery.objects.all()}
    wanted = {"delivered": (True, ""), "failed": (False, receipt.get("reason", ""))}
    assert states - {(False, "")} == ({wanted[receipt["outcome"]]} if receipt["outcome"] in wanted else set())


@pytest.mark.parametrize(("name", "example"), SIGNATURES, ids=title)
def test_signature_is_as_documented(name: str, example: dict[str, Any], settings: Any) -> None:
    at = urlsplit(example["url"])
    settings.SITE_URL = f"{at.scheme}://{at.netloc}"
    gateway = parse(f"1 {name}", url(example["gateway"]), "")
    table, arrived = gateway.provider.receipt, inbound(example, at.path)

    assert table
    request = Inbound(at.path, at.query, arrived.headers, arrived.body)
    found = signatures.is_genuine(table.signature, request, [gateway.values])
    assert found == example["valid"]


@pytest.mark.parametrize("name", [name for name in PLAYED if name in ("twilio", "plivo", "webhook")])
def test_receipt_without_a_signature_is_forged(name: str, settings: Any) -> None:
    settings.SMS_GATEWAYS = [url(PLAYED[name]["gateway"])]
    receipt = next(one for one in PLAYED[name]["receipts"] if one["outcome"] == "delivered")
    kind = "form" if "form" in receipt else "json"
    right = signed(configured()[0], receipt, path())

    for wrong in (
        receipt,
        {**right, "headers": dict.fromkeys(right["headers"], "AAAA")},
        {**right, kind: {**receipt[kind], "To": "+79990000000"}},
    ):
        with pytest.raises(receipts.Forged):
            take(wrong)
    take(right)


def test_fields_beside_the_signed_ones_are_not_read_in_their_place() -> None:
    """Whoever has seen one receipt of SMSC cannot make another of its signature."""
    genuine = PLAYED["smsc"]["receipts"][0]["form"]
    for given, expected in (({}, True), ({"id": "sms-78", "status": 20}, False)):
        request = Inbound("/", urlencode(genuine), {"Content-Type": "application/json"}, json.dumps(given).encode())
        assert signatures.is_genuine("smsc", request, [{"secret": "word-1"}]) == expected


def test_field_of_a_form_may_have_brackets(tmp_path: Path, settings: Any) -> None:
    settings.SMS_PROVIDERS = tmp_path / "own.toml"
    settings.SMS_PROVIDERS.write_text(
        """[own]
title = "Own"
docs = "https://example.org"
send.url = "https://example.org/send"
send.form = { to = "{phone}", text = "{text}" }
send.accepted = { ok = 1 }
send.reference = "id"
receipt.reference = "message[id]"
receipt.delivered = { "message[status]" = 1 }
"""
    )
    table = parse("1 own", "own://u:p@", "").provider.receipt

    assert table
    [found] = receipts.read(table, Inbound("/", "", {}, b"message%5Bid%5D=a-1&message[status]=1"))
    assert (found.reference, found.reason) == ("a-1", None)


MALFORMED = [
    *(b"", b"{", b"[", b"{}", b"[]", b"[1]", b"null", b"[" * 60_000, b'"delivered"'),
    *(b"\xff\xfe\x00", b"\x00" * 100, b"=&=&", b"%", b"id=%ff&status=%", b"&".join([b"a=1"] * 5000)),
    *(b'{"id": ' + b"1" * 6000 + b"}", b'{"id": NaN, "status": 1e999}'),
    b'--x\r\nContent-Disposition: form-data; name="id"\r\n\r\na-1\r\n--x--',
]
KINDS = ["application/json", "application/x-www-form-urlencoded", "multipart/form-data", ""]


@pytest.mark.parametrize("name", list(PLAYED))
def test_malformed_receipt_is_ignored(name: str, settings: Any) -> None:
    settings.SMS_GATEWAYS = [url(PLAYED[name]["gateway"])]
    [gateway] = configured()
    table = gateway.provider.receipt
    assert table

    for kind, body in product(KINDS, MALFORMED):
        request = Inbound(path(), "%&=&id=%00&a[=1", {"Content-Type": kind}, body)
        assert receipts.read(table, request) == [], (kind, body[:50])
        signatures.is_genuine(table.signature, request, [gateway.values])


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("telnyx://KEY@?sender=Shop&public_key=c2hvcnQ=", "public_key must be 32 bytes in base64"),
        ("telnyx://KEY@?sender=Shop&public_key=***", "public_key must be 32 bytes in base64"),
        (
            "vonage://u:p@?sender=Shop&signature_secret=s&signature_method=crc32",
            "signature_method must be md5hash, md5",
        ),
    ],
)
def test_key_of_a_signature_that_cannot_be_used_stops_the_start(url: str, why: str) -> None:
    with pytest.raises(GatewayError, match=re.escape(why)):
        parse("1 it", url, "")


@pytest.mark.parametrize(
    ("receipt", "why"),
    [
        ('signature = "md6"', "own: receipt.signature: md6 is not known"),
        ('pattern = "["', "own: receipt.pattern:"),
        ("pattern = '(?P<id>.)'", "own: receipt.pattern: has no group status"),
        ('delivered = { "a..b" = 1 }', "own: receipt.delivered.a..b: is no path such as"),
        ("delivered = {}", "own: receipt.delivered: must have a condition"),
    ],
)
def test_table_of_receipts_that_cannot_be_used_stops_the_start(
    receipt: str, why: str, tmp_path: Path, settings: Any
) -> None:
    settings.SMS_PROVIDERS = tmp_path / "own.toml"
    delivered = "" if receipt.startswith("delivered") else "delivered = { status = 1 }"
    settings.SMS_PROVIDERS.write_text(
        f"""[own]
title = "Own"
docs = "https://example.org"
send.url = "https://example.org/send"
send.form = {{ to = "{{phone}}", text = "{{text}}" }}
send.accepted = {{ http_status = 200 }}
receipt.reference = "id"
receipt.{delivered or receipt}
{f"receipt.{receipt}" if delivered else ""}
"""
    )

    with pytest.raises(ProvidersError, match=re.escape(why)):
        parse("1 own", "own://u:p@", "")
