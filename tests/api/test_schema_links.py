"""The links in the descriptions of the OpenAPI document, which `/docs` and `/redoc` show."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.accounts import client

LINK = re.compile(r"\[[^]]+\]\(([^)]*)\)")


def texts(part: Any) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict | list):
        for inner in part.values() if isinstance(part, dict) else part:
            yield from texts(inner)


@pytest.mark.parametrize("language", ["en", "ru"])
def test_links_work_for_a_reader_of_the_running_service(language: str) -> None:
    document = client().get("/schema?format=json", HTTP_ACCEPT_LANGUAGE=language).json()

    targets = {target for text in texts(document) for target in LINK.findall(text)}

    own = {target for target in targets if not target.startswith("https://")}
    assert "/problems/invalid_code" in own
    assert {target for target in own if client().get(target).status_code != 200} == set()
