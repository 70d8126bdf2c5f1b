"""The OpenAPI document and the pages that show it."""

import re
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.management import call_command

from api.exceptions import MEDIA_TYPE, PROBLEMS
from api.openapi import ACTIVATION, RELATIVE_LINK, SIGNED_IN, WITH_PHONE
from tests.support.accounts import client

EVERYWHERE = {"unavailable"}
WITH_BODY = {"invalid", "payload_too_large", "unsupported_media_type"}
OWN_CODES = {
    "signup": {"invalid_phone", "region_not_allowed", "foreign_origin", "too_many_requests"},
    "login": {"invalid_phone", "region_not_allowed", "invalid_code", "account_disabled", "foreign_origin"},
    "refresh": {"token_invalid", "token_expired", "token_revoked"},
    "logout": {"token_invalid", "token_expired"},
    "devices_end": {"not_found"},
    "me_activate": set(ACTIVATION),
    "me_erase": {"fresh_sign_in_required"},
    "me_phone": {*WITH_PHONE, "fresh_sign_in_required", "staff_phone", "too_many_requests"},
    "me_phone_confirm": {"invalid_code", "staff_phone", "phone_taken"},
    "me_invitations": {"invalid"},
    **{"results_list": {"invalid", "not_found"}, "results_file": {"not_found"}},
    "profiles_list": {"permission_denied", "invalid", "invalid_phone", "region_not_allowed", "too_many_requests"},
    "profiles_read": {"permission_denied", "not_found", "too_many_requests"},
}


@pytest.fixture(scope="module")
def document() -> Any:
    return client().get("/schema?format=json").json()


@pytest.fixture(scope="module")
def operations(document: Any) -> dict[str, Any]:
    return {operation["operationId"]: operation for path in document["paths"].values() for operation in path.values()}


def refusals(operation: Any) -> dict[str, Any]:
    return {status: answer for status, answer in operation["responses"].items() if status >= "4"}


def codes(answer: Any) -> set[str]:
    return {example["value"]["code"] for example in answer["content"][MEDIA_TYPE]["examples"].values()}


def test_document_is_generated_without_a_warning_and_is_valid() -> None:
    written = StringIO()

    call_command("spectacular", validate=True, fail_on_warn=True, stdout=written)

    assert written.getvalue().startswith("openapi: 3.1.0\n")


def test_document_contains_the_guide_for_client_developers(document: Any) -> None:
    guide = (settings.BASE_DIR / "docs" / "clients.md").read_text()

    assert RELATIVE_LINK.sub(r"\1", guide.partition("\n\n")[2]) in document["info"]["description"]


def test_every_operation_has_an_id_texts_and_a_tag(document: Any, operations: Any) -> None:
    tags = {tag["name"] for tag in document["tags"]}

    for operation in operations.values():
        assert operation["summary"] and operation["description"]
        assert set(operation["tags"]) <= tags


def test_every_operation_documents_each_of_its_problem_codes(operations: Any) -> None:
    for name, operation in operations.items():
        expected = EVERYWHERE | OWN_CODES.get(name, set())
        if operation["security"]:
            expected |= set(SIGNED_IN)
        if "requestBody" in operation:
            expected |= WITH_BODY
        assert set().union(*map(codes, refusals(operation).values())) == expected, name


def test_every_refusal_is_documented_as_a_problem_of_its_status(operations: Any) -> None:
    for operation in operations.values():
        for status, answer in refusals(operation).items():
            assert list(answer["content"]) == [MEDIA_TYPE]
            assert {PROBLEMS[code].status for code in codes(answer)} == {int(status)}


def test_headers_of_a_refusal_are_documented(operations: Any) -> None:
    for operation in operations.values():
        for status, answer in operation["responses"].items():
            assert "X-Request-ID" in answer["headers"]
            assert ("Retry-After" in answer["headers"]) == (status in ("429", "503"))
            assert ("WWW-Authenticate" in answer["headers"]) == (status == "401")


def test_every_request_and_response_has_an_example(operations: Any) -> None:
    for operation in operations.values():
        if "requestBody" in operation:
            assert operation["requestBody"]["content"]["application/json"]["examples"]
        if "200" in operation["responses"]:
            (answer,) = operation["responses"]["200"]["content"].values()
            assert answer["examples"]


def test_all_operations_but_signing_in_and_public_ones_need_a_token(operations: Any) -> None:
    free = {name for name, operation in operations.items() if operation["security"] == []}

    assert free == {"signup", "login", "refresh", "logout", "voting_read", "results_list", "results_file"}
    assert all(operation["security"] in ([], [{"token": []}]) for operation in operations.values())


def schemas(part: Any) -> Iterator[dict[str, Any]]:
    """Everything in this part of the document that may be a schema; examples are none."""
    if isinstance(part, dict):
        yield part
        for name, inner in part.items():
            if name not in ("example", "examples"):
                yield from schemas(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from schemas(inner)


def test_every_value_has_one_type_or_is_null(document: Any) -> None:
    for schema in schemas(document):
        assert not {"oneOf", "anyOf", "allOf", "not"} & schema.keys(), schema
        if isinstance(schema.get("type"), list):
            assert len(schema["type"]) == 2 and schema["type"][1] == "null", schema


def test_ids_are_documented_as_64_bits_wide(document: Any, operations: Any) -> None:
    models = document["components"]["schemas"].values()
    members = [each for model in models for each in model.get("properties", {}).items()]
    parameters = [each for operation in operations.values() for each in operation.get("parameters", ())]

    ids = [schema for name, schema in members if name in ("id", "user_id")]
    ids += [parameter["schema"] for parameter in parameters if parameter["in"] == "path"]
    assert ids == [{"type": "integer", "format": "int64"}] * 5


@pytest.mark.parametrize("name", ["SignupRequest", "LoginRequest", "PhoneChangeRequest"])
def test_phones_in_requests_are_documented_as_strings(document: Any, name: str) -> None:
    phone = document["components"]["schemas"][name]["properties"]["phone"]

    assert phone["type"] in ("string", ["string", "null"])


@pytest.mark.parametrize("phone", [9991234567, "9991234567"])
@pytest.mark.django_db
def test_phone_may_still_be_a_json_number(phone: Any) -> None:
    asked = client().post("/api/auth/signup", {"phone": phone}).json()

    answer = client().post("/api/auth/login", {"phone": phone, "code": asked["code"]})

    assert answer.status_code == 200


def test_example_of_invalid_names_a_field_of_its_own_request(document: Any, operations: Any) -> None:
    named = {}
    for name, operation in operations.items():
        fields = {parameter["name"] for parameter in operation.get("parameters", ())}
        if "requestBody" in operation:
            reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
            fields |= document["components"]["schemas"][reference.rsplit("/", 1)[1]]["properties"].keys()
        for answer in refusals(operation).values():
            for example in answer["content"][MEDIA_TYPE]["examples"].values():
                for error in example["value"].get("errors", ()):
                    assert error["field"] in fields, name
                    named[name] = error["field"]

    assert named == {
        "signup": "phone",
        "login": "code",
        **dict.fromkeys(["refresh", "logout"], "refresh"),
        "me_activate": "activated_invite",
        **{"me_phone": "phone", "me_phone_confirm": "code"},
        **dict.fromkeys(["me_invitations", "profiles_list", "results_list"], "cursor"),
    }


def test_pages_have_cursors_beside_urls(document: Any) -> None:
    for name in ("InvitationPage", "ProfilePage"):
        page = document["components"]["schemas"][name]
        names = ["next", "previous", "next_cursor", "previous_cursor"]
        assert page["required"] == list(page["properties"]) == [*names, "results"]
        assert all(page["properties"][name]["type"] == ["string", "null"] for name in names)


@pytest.mark.parametrize("path", ["/docs", "/docs?script=", "/redoc"])
def test_viewer_loads_everything_from_this_server(path: str) -> None:
    answer = client().get(path)

    assert answer.status_code == 200
    page = answer.content.decode()
    assert not re.search(r"""(?:https?:)?//[\w-]+\.""", page)
    assets = re.findall(r"""(?:src|href)="/static/([^"]+)\"""", page)
    assert all(finders.find(asset) for asset in assets)


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_content_policy_forbids_the_viewer_other_servers(path: str) -> None:
    policy = client().get(path)["Content-Security-Policy"]

    sources = {source for rule in policy.split("; ") for source in rule.split()[1:]}
    assert sources <= {"'none'", "'self'", "'unsafe-inline'", "data:", "blob:"}
    assert "script-src 'self';" in policy


def test_swagger_asks_no_other_server_to_validate() -> None:
    script = client().get("/docs?script=").content.decode()

    assert '"validatorUrl": null' in script


def test_document_has_the_strict_content_policy() -> None:
    answer = client().get("/schema")

    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("application/vnd.oai.openapi")
    assert answer["Content-Security-Policy"] == settings.CONTENT_SECURITY_POLICY
