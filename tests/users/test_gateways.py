"""URLs of gateways, what they are refused for, and what never shows their secrets."""

import re
from io import StringIO
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command

from tests.support.http_gateway import Gateway as Webhook
from tests.support.http_gateway import running
from tests.support.login_steps import PHONE, ask, right
from tests.support.rows import text_of_rows
from tests.support.run_worker import send
from users.models import SmsDelivery, SmsGateway
from users.sms import gateways, http_api

webhook = pytest.fixture(name="webhook")(running)

# A provider's table as a deployer writes it.
OWN = """
[own]
title = "Own"
docs = "https://example.org/docs"
needs = ["password"]
one_of = ["sender", "service"]
matches = { service = "^MG" }
[own.send]
url = "https://api.example.org/{user}/send"
auth = "bearer"
json = { to = "{digits}", from = "{sender}", service = "{service}", text = "{text}" }
accepted = { ok = true }
"""


@pytest.fixture
def own(tmp_path: Any, settings: Any) -> None:
    settings.SMS_PROVIDERS = tmp_path / "own.toml"
    settings.SMS_PROVIDERS.write_text(OWN)


def refused(url: str, settings: Any) -> str:
    settings.SMS_GATEWAYS = [url]
    [error] = [found for found in run_checks() if found.id == "users.E002"]
    return str(error.msg)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("nonsense://me:hunter2@sms.example", "there is no such provider. Known are "),
        ("own://:hunter2@?sender=Shop&from=Shop", "has an unknown parameter. own takes scheme, sender, service"),
        ("own://hunter2@?sender=Shop", "needs a password, see https://example.org/docs"),
        ("own://:hunter2@", "needs one of the parameters sender, service"),
        ("own://:hunter2@?service=a", "the parameter service is not valid, see https://example.org/docs"),
        ("own://:hunter2@?sender=a&sender=b", "a parameter is given twice"),
        ("own://:hunter2@?sender=a&scheme=ftp", "scheme must be http or https"),
        ("own://:hunter2@host:99999?sender=a", "the port must be a number from 1 to 65535"),
        ("own://:hunter2@ho st?sender=a", "the host is not valid"),
        (f"own://:hunter2@{'я' * 80}.рф?sender=a", "the host is no valid international name"),
        ("own://:pa?hunter2@?sender=a", "write / as %2F, ? as %3F"),
        ("own://:pa#hunter2@?sender=a", "write / as %2F, ? as %3F"),
        ("own://:pa/hunter2@?sender=a", "write / as %2F, ? as %3F"),
        ("own://:hunter2@/path?sender=a", "own takes no path"),
        ("own://:hunter2%0A@?sender=a", "the password has a line break"),
        ("own://:x@?sender=a&hunter2", "has an unknown parameter"),
        ("webhook://sms.example/?secret=whsec_hunter2!", "secret must be base64"),
        ("webhook://sms.example/hunter2?secret=whsec_", "secret must be base64"),
        ("own://:hunter2%CF@?sender=a", "the password is not percent-encoded in UTF-8"),
        ("webhook:///path", "needs a host"),
        ("smpp://me:hunter2@smsc.example?tls=perhaps", "the tls is not valid for SMPP"),
        ("smpp://me:hunter2@smsc.example?sender=Магазин", "the sender is not valid for SMPP"),
        (f"smpp://me:{'hunter2' * 10}@smsc.example", "the password is not valid for SMPP"),
        ("smpp://:hunter2@smsc.example", "needs a user"),
        ("smpp+tls://me:hunter2@smsc.example", "smpp takes no +tls. For TLS write tls=1"),
    ],
)
def test_gateway_that_cannot_be_used_is_refused_with_the_reason(url: str, why: str, own: None, settings: Any) -> None:
    said = refused(url, settings)

    assert said.startswith(f"SMS_GATEWAYS: gateway 1 {re.split('[:+]', url)[0]}: ") and why in said
    assert "hunter2" not in said


def test_no_command_starts_with_a_gateway_that_cannot_be_used(settings: Any) -> None:
    settings.SMS_GATEWAYS = ["webhook://sms.example", "nonsense://me:hunter2@sms.example"]

    with pytest.raises(CommandError, match="SMS_GATEWAYS: gateway 2 nonsense: there is no such provider"):
        call_command("worker", skip_checks=False)


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ("[x", "own.toml: "),
        ("[x]\ntitle = 'X'", "own.toml: x: Object missing required field `docs`"),
        (OWN + "colour = 1", "own.toml: own: Object contains unknown field `colour`"),
        (OWN.replace("{text}", "{txt}"), "own.toml: own: send.json: {txt} is not known"),
        (OWN.replace("json =", "form = {}\njson ="), "own.toml: own: send.form: cannot stand beside json"),
        (OWN.replace("{ ok = true }", "{}"), "own.toml: own: send.accepted: must have a condition"),
        (OWN.replace("[own", "[2own"), "own.toml: 2own: a name begins with a letter"),
        (OWN + "pattern = '(?P<yes>OK)'", "own.toml: own: send.pattern: has no group ok"),
        (OWN.replace("{digits}", "7999"), "own.toml: own: send: has no {phone}, {digits} or {national}"),
        (OWN.replace("{text}", "Hello"), "own.toml: own: send: has no {text} or {code}, so no code would arrive"),
        (OWN.replace("{user}", "{user"), "own.toml: own: send.url: a brace that belongs to no placeholder"),
        (OWN.replace("https://api.example.org", "https://[::1"), "own.toml: own: send.url: Invalid IPv6 URL"),
        (
            OWN.replace("https://api.example.org", "https://{host}"),
            "own.toml: own: send.url: must begin with https:// or",
        ),
        (OWN.replace("{ ok = true }", "{ ok = [] }"), "own.toml: own: send.accepted.ok: must have a value"),
        (OWN.replace("{ ok = true }", '{ ok = "{digit}" }'), "own.toml: own: send.accepted.ok: {digit} is not known"),
        (OWN.replace('"^MG"', '"("'), "own.toml: own: matches.service: missing )"),
        (OWN.replace("{ service =", "{ servic ="), "own.toml: own: matches: servic is no parameter"),
        (OWN.replace("docs =", 'charset = "undefined"\ndocs ='), "own.toml: own: charset: undefined is not known"),
        (
            OWN + '[[own.refused]]\nreason = "tried_twice"\nwhen = {a = 1}',
            "tried_twice is a reason that only the service",
        ),
        (OWN.replace("https://api", "http://api"), "own.toml: own: send.url: must begin with https://"),
        (OWN.replace("https://api", "ftp://api"), "own.toml: own: send.url: must begin with https://"),
        (OWN.replace('"^MG"', '"("'), "own.toml: own: matches.service: missing )"),
        (
            OWN.replace("[own", "[Own"),
            "own.toml: Own: a name begins with a letter, and has lower-case letters, digits and dashes",
        ),
        (OWN + '[[own.refused]]\nreason = "money"\nwhen = {a = 1}', "own.toml: own: Invalid enum value 'money'"),
        (
            OWN + '[[own.refused]]\nreason = "credit"\nwhen = {}',
            "own.toml: own: a rule without conditions (credit) would apply to all answers",
        ),
        (
            OWN + '[[own.refused]]\nreason = "credit"\nwhen = {a = "~("}',
            "own.toml: own: the rule of credit: a: missing )",
        ),
        (OWN.replace("{ ok = true }", '{ "a[0].ok" = true }'), "own: send.accepted.a[0].ok: is no path such as"),
        (OWN.replace("{ ok = true }", '{ "$.ok" = true }'), "own: send.accepted.$.ok: is no path such as"),
        (OWN.replace("{ ok = true }", "{ data.ok = true }"), "own: send.accepted.data: must be a text, a whole number"),
        (OWN.replace("{ ok = true }", '{ http_status = "2xx" }'), "own: send.accepted.http_status: must be a status"),
        (OWN + "reference = 'a[0].id'", "own: send.reference: is no path such as"),
        (OWN + "query = { a = { b = 1 } }", "own: send.query.a: must be a text, a number or a boolean"),
        (OWN + "query = { at = 2026-01-01 }", "own: send.query.at: must be a text, a number or a boolean"),
        (OWN + "headers = { 'X Key' = 'a' }", "own: send.headers: 'X Key' is no header"),
        (OWN + "headers = { X-Key = 'ключ' }", "own: send.headers: 'X-Key' is no header, or its value cannot be one"),
        (OWN + "sign = 'standard-webhooks'", 'own: send.sign: needs "secret" in takes'),
        (OWN.replace('needs = ["password"]', ""), 'own: send.auth: bearer needs "user" or "password" in needs'),
        (OWN.replace("{text}", "{text}{ Sender }"), "own: send.json: a brace that belongs to no placeholder"),
        (OWN.replace("json = {", "json = { at = 2026-01-01,"), "own: send.json: Object of type date is not JSON"),
        (OWN.replace("https://api.example.org", "https://api.example.org:x"), "own: send.url: Port could not be cast"),
        (OWN.replace("docs =", 'takes = ["base"]\ndocs ='), "own: takes: base is a name of the service's own"),
        (OWN + "[own.receipt]\nreference = 'id'\ndelivered = { a = 1 }", "own: send: has no reference, so no receipt"),
        (
            "[own]\ntitle = 'X'\ndocs = 'X'\nprotocol = 'smpp'\n"
            "refused = [{ reason = 'credit', when = { status = 1 } }]",
            "own: the rule of credit: status: must be command_status, with numbers such as 0x403",
        ),
    ],
)
def test_table_with_a_mistake_is_refused_with_its_place(table: str, why: str, tmp_path: Any, settings: Any) -> None:
    settings.SMS_PROVIDERS = tmp_path / "own.toml"
    settings.SMS_PROVIDERS.write_text(table)

    said = refused("own://:hunter2@?sender=Shop", settings)

    assert said.startswith("SMS_PROVIDERS: ") and why in said


def test_query_of_a_table_joins_that_of_its_url(tmp_path: Any, settings: Any) -> None:
    settings.SMS_PROVIDERS = tmp_path / "own.toml"
    settings.SMS_PROVIDERS.write_text(OWN.replace('/send"', '/send?format=json"') + 'query = { key = "a b" }')
    gateway = gateways.parse("1 own", "own://u:hunter2@?sender=Shop", "")

    assert gateway.provider.send
    made = http_api.build(gateway.provider, gateway.provider.send, gateway.values)

    assert str(made.url) == "https://api.example.org/u/send?format=json&key=a+b"


def test_missing_file_of_providers_is_refused(tmp_path: Any, settings: Any) -> None:
    settings.SMS_PROVIDERS = tmp_path / "absent.toml"

    assert refused("webhook://sms.example", settings) == "SMS_PROVIDERS: absent.toml: No such file or directory"


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("webhook+http://127.0.0.1:8000/sms", False),
        ("webhook://localhost/sms?scheme=http", False),
        ("webhook+http://[::1]/sms", False),
        ("webhook+https://sms.example/sms", False),
        ("webhook+http://sms.example/sms", True),
        ("webhook://10.0.0.7/sms?scheme=http", True),
        ("smpp://me:secret@127.0.0.1:2775", False),
        ("smpp://me:secret@smsc.example:3550?tls=1", False),
        ("smpp://me:secret@smsc.example:2775", True),
    ],
)
def test_plain_connection_beyond_this_machine_is_a_warning(url: str, plain: bool, settings: Any) -> None:
    settings.SMS_GATEWAYS = [url]

    assert [found.id for found in run_checks() if found.id in ("users.E002", "users.W002")] == ["users.W002"] * plain


def test_values_of_a_url_are_decoded_and_a_plus_sign_stays(own: None) -> None:
    made = gateways.parse("1 own", "own://me:a%2Fb%40c@?sender=+15005550006", "Shop")

    assert (made.values["user"], made.values["password"], made.values["sender"]) == ("me", "a/b@c", "+15005550006")
    assert gateways.parse("1 own", "own://:x@", "Shop").values["sender"] == "Shop"
    assert "sender" not in gateways.parse("1 own", "own://:x@?service=MG1", "Shop").values


def test_name_and_repr_of_a_gateway_contain_nothing_of_its_url(settings: Any) -> None:
    settings.SMS_GATEWAYS = [
        "webhook://me:hunter2@sms.example/path",
        "smpp://u5er:hunter2@smsc.example:2775?sender=Shop",
    ]

    shown = str(gateways.configured())

    assert [gateway.name for gateway in gateways.configured()] == gateways.names() == ["1 webhook", "2 smpp"]
    for part in ("u5er", "hunter2", "sms.example", "smsc.example", "Shop", "/path"):
        assert part not in shown


@pytest.mark.django_db
def test_secrets_numbers_and_codes_stay_out_of_logs_records_and_errors(
    webhook: Webhook, settings: Any, log: StringIO
) -> None:
    webhook.status, webhook.answer = 503, b'{"error": "hunter2 +79991234567"}'
    with_secrets = webhook.url.replace("http://", "http://me:hunter2@") + "?secret=whsec_c2VjcmV0"
    settings.DEMO, settings.SMS_GATEWAYS = False, [with_secrets, "webhook+http://me:hunter2@127.0.0.1:9/k3y"]
    asked = ask()

    send()

    # Ids and times are left out: by chance, their digits are those of the code.
    shown = re.sub(r"SMS \d+", "SMS", log.getvalue()) + text_of_rows(SmsDelivery) + text_of_rows(SmsGateway)
    assert "gateway 1 webhook: fault HTTP 503" in log.getvalue()
    assert "2 webhook: no_connection" in shown
    code = right(asked.challenge_id)
    for secret in ["hunter2", "k3y", "c2VjcmV0", "127.0.0.1", PHONE[2:], "sign-in code", f" {code}", f"#{code}"]:
        assert secret not in shown
