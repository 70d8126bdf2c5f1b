"""Operators of the admin and SMS gateways for the tests of this folder."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from tests.support.http_gateway import Gateway, running
from tests.support.operators import SEES_LISTS, at_work, helper, operator


@pytest.fixture
def boss(db: None) -> Client:
    """A superuser's browser."""
    return at_work(operator(is_superuser=True))


@pytest.fixture
def support(db: None) -> Client:
    """The browser of an operator who may see and change users."""
    return helper("view_user", "change_user")


@pytest.fixture
def clerk(db: None) -> Client:
    """An operator who sees masked phones in all lists."""
    return at_work(operator("9991119997", *SEES_LISTS))


@pytest.fixture
def required(settings: Any) -> None:
    """All operators need a second factor."""
    settings.ADMIN_SECOND_FACTOR = "required"


@pytest.fixture
def gateway(settings: Any) -> Iterator[Gateway]:
    """The only configured gateway, on this machine."""
    for server in running():
        settings.DEMO, settings.SMS_GATEWAYS = False, [server.url]
        yield server


spare = pytest.fixture(name="spare")(running)
