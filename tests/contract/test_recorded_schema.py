"""The OpenAPI document, from which clients are generated."""

import json
from typing import Any

import pytest

from tests.contract.recording import as_recorded
from tests.support.accounts import client

pytestmark = pytest.mark.django_db


def without_guide(document: Any) -> Any:
    """Without docs/clients.md, which may be edited freely."""
    info = document["info"]
    return {**document, "info": {**info, "description": info["description"].partition("\n\n<details>")[0]}}


def test_document_is_as_recorded() -> None:
    assert as_recorded("openapi", without_guide(client().get("/schema?format=json").json()))


@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP_ACCEPT": "application/json"},
        {"HTTP_ACCEPT": "application/vnd.oai.openapi+json"},
        {"HTTP_ACCEPT": "application/json", "HTTP_ACCEPT_LANGUAGE": "ru"},
    ],
    ids=str,
)
def test_document_is_the_same_in_all_formats(headers: dict[str, Any]) -> None:
    answer = client().get("/schema", **headers)

    assert as_recorded("openapi", without_guide(json.loads(answer.content)))
