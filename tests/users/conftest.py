"""Operators of the admin for the tests of this folder."""

import pytest
from django.test import Client

from tests.support.operators import at_work, helper, operator


@pytest.fixture
def boss(db: None) -> Client:
    """A superuser's browser."""
    return at_work(operator(is_superuser=True))


@pytest.fixture
def support(db: None) -> Client:
    """The browser of an operator who may see and change users."""
    return helper("view_user", "change_user")
