"""Later pages of the admin's lists."""

import pytest
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext

from profiles.models import Activation, Profile
from tests.support.accounts import SignedInUser
from tests.support.admin_lists import changelist
from tests.support.many_users import crowd

pytestmark = pytest.mark.django_db
BY_TIME = "created_at__gte=2000-01-01T00:00:00Z&created_at__lt=2999-01-01T00:00:00Z"


@pytest.mark.parametrize("model", [Activation, Profile])
def test_later_page_is_found_before_its_rows_are_joined(alice: SignedInUser, model: type[Model]) -> None:
    """In a range of times PostgreSQL expects one row in 200, and joined all rows of the range beyond that number."""
    crowd(60, alice.profile)

    with CaptureQueriesContext(connection) as queries:
        shown = [row.pk for page in (1, 2) for row in changelist(model, f"?p={page}&{BY_TIME}").result_list]

    assert shown == list(model.objects.order_by("-created_at", "-pk").values_list("pk", flat=True))
    [page] = [one["sql"] for one in queries if "OFFSET 50" in one["sql"]]
    assert "JOIN" not in page
