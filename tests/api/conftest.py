"""Users whose sign-in is not what a test of this folder is about, or it makes its own."""

from collections.abc import Callable

import pytest

from tests.support.accounts import SignedInUser, in_session


@pytest.fixture
def enter(db: None) -> Callable[[str], SignedInUser]:
    """The users have a session without a sign-in, which takes less time."""
    return in_session
