"""What an operator reads before and after publishing the results."""

import pytest
from django.utils.html import strip_tags

from profiles import activation, results, voting
from profiles.models import Profile
from tests.support.accounts import SignedInUser, registered
from tests.support.admin_actions import NOTHING_TO_DO, act, offered
from tests.support.operators import at_work, helper, operator, page_of
from users.queries import database_now

pytestmark = pytest.mark.django_db
PERIOD, PUBLISH = "/admin/profiles/votingperiod/1/change/", "/admin/profiles/votingperiod/publish/"


def test_operator_sees_what_will_be_published_and_what_to_do_then(alice: SignedInUser, bob: SignedInUser) -> None:
    activation.activate(registered("9991110003").pk, bob.code)
    voting.change(database_now(), None)
    bob.activate(alice.code)
    voting.change(voting.period().opens_at, database_now())
    helped = helper("view_votingperiod").get(PERIOD).text
    browser = at_work(operator(is_superuser=True))
    before = browser.get(PERIOD).text

    shown = browser.get(PUBLISH).text
    done = browser.post(PUBLISH, {"reason": "as announced", "sure": "on"}, follow=True).text

    assert before.count(f'href="{PUBLISH}"') == 1 and "You can publish the results." in before
    assert "Votes that do not count because of their time: 1 of 2 (" in before
    assert PUBLISH not in helped and "A superuser can publish" in helped
    assert 'id="id_reason_helptext">Why, for other operators' in shown
    words = " ".join(strip_tags(shown.replace("<", " <")).split())
    assert "Votes that count 1 Votes outside the voting period, which do not count 1 Invite" in words
    assert f"Invite codes with the most votes {alice.code} : 1" in words
    assert f"Opens {voting.period().opens_at:%F %T} Closes {voting.period().closes_at:%F %T}" in words
    results = browser.get("/admin/profiles/result/").text
    assert "The results are final. Invite codes: 1. Votes: 1." in results
    profile = f"/admin/profiles/profile/{alice.profile.pk}/change/"
    assert f'<a href="{profile}">{alice.code}</a>' in results
    assert profile not in helper("view_result").get("/admin/profiles/result/").text
    for page in (results, browser.get(PERIOD).text):
        assert '<a href="/">Public results page</a>' in page and '/results/file">Votes file</a>' in page
    assert f"exchange the file later: {voting.period().results_sha256}" in done and PUBLISH not in done


def test_results_that_are_not_published_lead_to_the_voting_period() -> None:
    page = helper("view_result", "view_votingperiod").get("/admin/profiles/result/").text

    assert f'<a href="{PERIOD}">Go to the voting period</a>' in page and "Votes file" not in page


def test_release_of_a_vote_says_whether_the_user_can_vote_again(alice: SignedInUser, bob: SignedInUser) -> None:
    alice.activate(bob.code)
    browser, page = helper("view_user", "change_user"), page_of(alice.profile.pk, "release-vote")

    seen = [browser.get(page).text]
    voting.change(None, database_now())
    seen.append(browser.get(page).text)
    results.publish()
    seen.append(browser.get(page).text)

    assert ["The user can vote again." in text for text in seen] == [True, False, False]
    assert ["the user can vote again only if it opens" in text for text in seen] == [False, True, False]
    assert [f"no longer counts for {bob.profile.user}." in text for text in seen] == [True, True, False]
    assert "The vote is deleted, but the published results do not change." in seen[2]


def test_code_is_not_replaced_after_the_publication(alice: SignedInUser) -> None:
    """The results have the old one, and whoever voted with it looks for it there."""
    voting.change(None, database_now())
    assert "new-code" in offered(helper("view_user", "change_user"), alice.profile)
    results.publish()

    boss = at_work(operator(is_superuser=True))

    assert "new-code" not in offered(boss, alice.profile)
    assert act(boss, "new-code", alice.profile) == [NOTHING_TO_DO]
    assert Profile.objects.get(pk=alice.profile.pk).invite_code == alice.code


def test_list_of_votes_says_which_do_not_count(alice: SignedInUser, bob: SignedInUser) -> None:
    activation.activate(registered("9991110003").pk, bob.code)
    voting.change(database_now(), None)
    bob.activate(alice.code)
    browser, votes = helper("view_activation", "view_votingperiod"), "/admin/profiles/activation/"
    dots = 'class="outcome {}"'.format

    period, all_votes = browser.get(PERIOD).text, browser.get(votes).text
    within, early = browser.get(f"{votes}?voting=during").text, browser.get(f"{votes}?voting=before").text

    assert f'href="{votes}?voting=before"' in period and "?voting=after" not in period + all_votes
    assert ">counts</span>" in all_votes and ">does not count: outside the voting period</span>" in all_votes
    assert [all_votes.count(dots(tone)) for tone in ("good", "open")] == [1, 1]
    assert [within.count(dots(tone)) for tone in ("good", "open")] == [1, 0]
    assert [early.count(dots(tone)) for tone in ("good", "open")] == [0, 1]
