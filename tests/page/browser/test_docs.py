"""The API document in Swagger: whoever reads it may try all of it, as it stands there."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.page.browser.visitor import Visitor

EXAMPLE_PHONE = "9991234567"
RIGHTMOST = """
Math.max(...[...document.querySelectorAll("main :not(pre *)")].map((it) => it.getBoundingClientRect().right))
"""


@pytest.mark.long
def test_whole_flow_is_tried_out_from_the_document(alice: Visitor, bob: Visitor) -> None:
    alice.phone = EXAMPLE_PHONE
    others = bob.service.call("/api/v1/profiles/me", token=bob.sign_in_elsewhere())["invite_code"]
    alice.page.goto("/problems/invalid_code")
    alice.finds_no_barrier()
    alice.page.get_by_role("link", name="Sign in with the code").click()  # the document opens at this operation

    asked = tried(alice, "signup")
    entered = tried(alice, "login", {"code": alice.code()})
    authorize(alice, entered["token"])
    profile = tried(alice, "me_read")
    voted = tried(alice, "me_activate", {"activated_invite": others})
    alice.page.reload()  # the token is kept
    invitations = tried(alice, "me_invitations")

    assert "challenge_id" in asked
    assert profile["phone"] == EXAMPLE_PHONE
    assert voted["activated_invite"] == others
    assert invitations == {"next": None, "previous": None, "next_cursor": None, "previous_cursor": None, "results": []}


@pytest.mark.parametrize("language", ["en", "ru"])
def test_pages_of_problems_fit_a_small_screen(visitor: Callable[..., Visitor], language: str) -> None:
    reader = visitor(language)
    reader.page.set_viewport_size({"width": 320, "height": 640})

    for path in ("", "/fresh_sign_in_required", "/unsupported_media_type"):
        reader.page.goto(f"/problems{path}")
        assert reader.page.evaluate("document.documentElement.scrollWidth") == 320
        assert reader.page.evaluate(RIGHTMOST) <= 320 - 16
        reader.finds_no_barrier()


def tried(person: Visitor, operation: str, real: dict[str, str] | None = None) -> Any:
    """What the operation answers to the body that stands there already, once what must be real is put into it."""
    block = person.page.locator(f"[id$='-{operation}'].opblock")
    if operation != "login":  # which the link has opened
        block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Try it out").click()
    if real:
        body = block.locator("textarea")
        body.fill(json.dumps(json.loads(body.input_value()) | real))
    with person.page.expect_response(lambda response: "/api/" in response.url) as answered:
        block.get_by_role("button", name="Execute").click()
    shown(block, 200)
    return answered.value.json()


def shown(block: Locator, status: int) -> None:
    expect(block.locator(".live-responses-table .response-col_status").last).to_contain_text(str(status))


def authorize(person: Visitor, token: str) -> None:
    person.page.get_by_role("button", name="Authorize", exact=True).first.click()
    dialog = person.page.locator(".modal-ux")
    dialog.locator("input").fill(token)
    dialog.get_by_role("button", name="Apply credentials").click()
    dialog.get_by_role("button", name="Close").last.click()
