"""The own code: who voted with it, and how it is shared."""

from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.page.browser.visitor import Visitor


@pytest.mark.long
def test_older_invitations_are_shown_on_demand(alice: Visitor, database: Any) -> None:
    code = alice.sign_in()
    database.execute(CROWD, {"code": code})
    alice.page.reload()
    expect(alice.page.get_by_role("listitem")).to_have_count(50)
    year = str(datetime.now(UTC).year)
    expect(alice.page.locator("li time").filter(has_text=year)).to_have_count(0)
    link = alice.page.get_by_role("link", name=alice.words("voted_for_you", count=60))
    expect(link).to_have_count(0)  # the list is in sight
    alice.page.set_viewport_size({"width": 390, "height": 844})
    link.click()
    expect(alice.page.locator("#people-title")).to_be_focused()

    before = alice.page.evaluate(PLACES)

    alice.button("show_more_left", count=10).click()

    expect(alice.page.get_by_role("listitem")).to_have_count(60)
    assert alice.page.evaluate(PLACES)[:50] == before  # nothing that was read has moved
    expect(alice.page.locator("[data-more]")).to_be_hidden()
    alice.sees("all_shown", count=60)
    expect(alice.page.get_by_role("listitem").nth(50)).to_be_focused()
    expect(alice.page.locator("[data-count]")).to_have_text("60")
    expect(alice.page.locator("li time")).to_have_count(60)
    alice.finds_no_barrier()


PLACES = """() => {
  const items = [...document.querySelectorAll("main .people li")];
  const [first] = items.map(item => item.getBoundingClientRect());
  return items.map(item => item.getBoundingClientRect()).map(({ x, y }) => [x - first.x, y - first.y]);
}"""
CROWD = """
WITH people AS (
    INSERT INTO users_user (phone, verified_at) SELECT '+7' || (9993000000 + n), now() FROM generate_series(1, 60) AS n
    RETURNING id
), profiles AS (
    INSERT INTO profiles_profile (user_id, invite_code, created_at)
    SELECT id, 'Z' || translate(lpad(id::text, 5, '0'), '01', 'AB'), now() FROM people
), votes AS (
    INSERT INTO profiles_activation (invitee_id, inviter_id, created_at)
    SELECT people.id, owner.user_id, now() FROM people, profiles_profile AS owner WHERE owner.invite_code = %(code)s
)
UPDATE profiles_profile SET invitations_count = 60 WHERE invite_code = %(code)s
"""


def test_disabled_voter_is_counted_and_said_not_to_be_in_the_list(alice: Visitor, bob: Visitor, database: Any) -> None:
    code = alice.sign_in()
    bob.service.call("/api/v1/profiles/me", {"activated_invite": code}, token=bob.sign_in_elsewhere())
    database.execute("UPDATE users_user SET is_active = false WHERE phone = %s", [f"+7{bob.phone}"])

    alice.page.reload()

    expect(alice.page.locator("[data-count]")).to_have_text("1")
    alice.sees("not_shown", count=1)


def test_link_is_copied_and_given_to_the_systems_share_sheet(alice: Visitor) -> None:
    alice.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    alice.page.add_init_script("navigator.share = async (shared) => { window.shared = shared; }")
    code = alice.sign_in()
    link = f"http://localhost:{alice.service.port}/i/{code}"

    alice.press("Copy code")
    alice.hears("copied")
    copied_code = alice.page.evaluate("navigator.clipboard.readText()")
    alice.press("Copy link")
    expect(alice.page.locator("[data-copy=link]")).to_have_text(alice.words("copied"))
    copied_link = alice.page.evaluate("navigator.clipboard.readText()")
    alice.press("Share the link")

    assert (copied_code, copied_link) == (code, link)
    assert alice.page.evaluate("shared.url") == link


@pytest.mark.long
def test_link_breaks_only_before_the_code_and_at_dots_of_the_host(alice: Visitor) -> None:
    code = alice.sign_in()
    link = alice.page.locator("[data-link]")
    expect(link).to_have_text(f"localhost:{alice.service.port}/i/{code}")
    for width in (320, 280):
        alice.page.set_viewport_size({"width": width, "height": 640})
        link.evaluate("link => (link.style.width = '9rem')")
        assert link.evaluate(LINES) == [f"localhost:{alice.service.port}", f"/i/{code}"]

    def renamed(route: Route) -> None:
        answer = route.fetch()
        name = {"share_url": f"https://invitations.garden-party.example.org/i/{code}"}
        route.fulfill(response=answer, json={**answer.json(), **name})

    alice.page.route("**/api/v1/profiles/me", renamed)
    alice.page.reload()
    link.evaluate("link => (link.style.width = '9rem')")
    assert link.evaluate(LINES) == ["invitations", ".garden-party", ".example.org", f"/i/{code}"]
    link.click()
    selected = alice.page.evaluate("getSelection().toString()")
    assert selected == f"invitations.garden-party.example.org/i/{code}"  # without breaks


# What stands on each line of an element.
LINES = """element => {
  const lines = new Map();
  const walk = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    for (const [at, letter] of [...walk.currentNode.data].entries()) {
      const range = document.createRange();
      range.setStart(walk.currentNode, at);
      range.setEnd(walk.currentNode, at + 1);
      const { top } = range.getBoundingClientRect();
      lines.set(top, (lines.get(top) ?? "") + letter);
    }
  }
  return [...lines.values()];
}"""


BACKGROUND = "button => getComputedStyle(button).backgroundColor"


@pytest.mark.long
def test_qr_code_is_drawn_when_it_is_opened(alice: Visitor) -> None:
    alice.sign_in()
    image = alice.page.get_by_role("img", name=alice.words("QR code of the link with your invite code"))
    expect(image).to_be_hidden()

    alice.page.set_viewport_size({"width": 390, "height": 600})
    alice.page.get_by_text(alice.words("QR code"), exact=True).click()

    expect(image).to_be_visible()
    expect(image).to_be_in_viewport(ratio=1)
    image.evaluate("image => image.decode()")
    expect(image).to_be_in_viewport(ratio=1)
    alice.finds_no_barrier()


@pytest.mark.long
def test_after_a_broken_link_the_field_for_the_right_code_comes_first(alice: Visitor) -> None:
    alice.page.set_viewport_size({"width": 390, "height": 600})
    alice.page.goto("/i/H7K3Q")
    alice.sees("Get an invite code of your own")
    alice.sign_in("/i/H7K3Q")

    expect(alice.page.locator("[data-broken]")).to_be_visible()
    alice.sees_title("Your vote")
    expect(alice.invite_field).to_be_in_viewport()
    expect(alice.page.locator("main button.primary").first).to_have_text(alice.words("Continue"))
    accent, plain = [alice.button(name).evaluate(BACKGROUND) for name in ("Continue", "Copy link")]
    assert accent != plain  # the vote comes first, and sharing after it
    alice.finds_no_barrier()
