"""Users whose sign-in is not what a test of this folder is about, or it makes its own."""

import pytest

from tests.support.accounts import SignedInUser, in_session
from users.models import User


@pytest.fixture
def alice(db: None) -> SignedInUser:
    return in_session("9991110001")


@pytest.fixture
def bob(db: None) -> SignedInUser:
    return in_session("9991110002")


@pytest.fixture
def charlie(db: None) -> SignedInUser:
    return in_session("9991110003")


@pytest.fixture
def staff(db: None) -> SignedInUser:
    person = in_session("9991119999")
    User.objects.filter(phone=f"+7{person.phone}").update(is_staff=True, is_superuser=True)
    return person
