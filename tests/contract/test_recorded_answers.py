"""The recorded responses of each operation, its refusals and the pages, with headers and numbers of statements.

An answer of the API is recorded with its body and its number of SQL statements, a page with its headers alone. Where
an answer changes on purpose, record it anew (RECORD=1) and read the difference.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib.contenttypes.models import ContentType

from tests.contract.recording import FOLDER, RECORDS, as_recorded
from tests.contract.scenarios import auth, devices, new_phone, paths, profiles, votes
from tests.contract.scenarios.common import Recorder
from tests.support.accounts import client

pytestmark = pytest.mark.django_db

# Codes of the document that no request alone provokes.
NOT_HERE = {"unavailable": "needs a database that is away or locked: tests/api/test_unavailable.py"}

OPERATIONS = (
    auth.signup, auth.login, auth.refresh, auth.logout, devices.devices_list, devices.devices_end_all,
    devices.devices_end, profiles.me_read, profiles.me_activate, profiles.me_erase, profiles.me_invitations,
    profiles.me_export, profiles.profiles_list, profiles.profiles_read, votes.voting_read,
    votes.results_list, votes.results_file, new_phone.me_phone, new_phone.me_phone_confirm,
)  # fmt: skip
SCENARIOS: dict[str, Callable[[Recorder], None]] = {
    scenario.__name__: scenario for scenario in (*OPERATIONS, paths.methods, paths.unknown_paths, paths.pages)
}


@pytest.fixture
def record(settings: Any) -> Iterator[Recorder]:
    """Look up first what a process looks up once, so that the order of tests does not change the numbers."""
    ContentType.objects.clear_cache()
    ContentType.objects.get_for_models(*apps.get_models())
    yield Recorder(settings)
    ContentType.objects.clear_cache()


@pytest.mark.parametrize("name", SCENARIOS)
def test_each_answer_is_as_recorded(name: str, record: Recorder) -> None:
    SCENARIOS[name](record)

    assert as_recorded(f"answers/{name}", record.answers)


@pytest.fixture(scope="module")
def documented() -> dict[str, set[str]]:
    """The codes of each operation, as the document lists them."""
    document = client().get("/schema?format=json").json()
    return {
        operation["operationId"]: {
            example["value"]["code"]
            for status, answer in operation["responses"].items()
            if status >= "4"
            for example in answer["content"]["application/problem+json"]["examples"].values()
        }
        for path in document["paths"].values()
        for operation in path.values()
    }


AFTER_RECORDING = pytest.mark.skipif(RECORDS, reason="the recordings are being made")


def recorded_of(operation: str) -> list[Any]:
    return list(json.loads((FOLDER / "answers" / f"{operation}.json").read_text()).values())


@AFTER_RECORDING
def test_each_operation_of_the_document_has_a_recorded_success(documented: dict[str, set[str]]) -> None:
    assert set(documented) == {scenario.__name__ for scenario in OPERATIONS}
    for operation in documented:
        assert any(answer["status"] in (200, 204) for answer in recorded_of(operation)), operation


@AFTER_RECORDING
def test_each_code_of_the_document_is_recorded(documented: dict[str, set[str]]) -> None:
    for operation, codes in documented.items():
        recorded = {
            answer["body"]["code"] for answer in recorded_of(operation) if answer["status"] >= 400 and answer["body"]
        }
        assert codes - recorded == set(NOT_HERE), operation
