"""Helpers for tests of the admin's actions on a user."""

from django.contrib.messages import get_messages
from django.test import Client

from profiles.admin.user_page import RELEASE, REPLACE
from profiles.models import Profile
from tests.support.operators import page_of
from users.models import User

ALL = ("disable", "enable", "end-devices", "release-vote", "new-code", "erase")
NOTHING_TO_DO = "There is nothing left to do. See the user's present state."
ABOUT = {action.name: action.about for action in (RELEASE, REPLACE)}
WHY = {"reason": "Asked for it\n in ticket 12.", "sure": "on"}


def act(browser: Client, action: str, profile: Profile, **fields: str) -> list[str]:
    """Do an action on a user's page. Returns the messages that the operator sees afterwards."""
    answer = browser.post(page_of(profile.pk, action), {"about": about(action, profile.pk), **(fields or WHY)})
    assert answer["Location"] == page_of(profile.pk)
    told = [message.message for message in get_messages(answer.wsgi_request)]
    browser.get(answer["Location"])
    return told


def about(action: str, user_id: int) -> str:
    """What the form of the action says that it is about."""
    return ABOUT[action](User.objects.get(pk=user_id)) if action in ABOUT else ""


def offered(browser: Client, profile: Profile) -> list[str]:
    page = browser.get(page_of(profile.pk)).content.decode()
    return [action for action in ALL if page_of(profile.pk, action) in page]
