"""A test number whose user is erased again and again leaves a row of a test user each time."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from profiles import daily_counts, queries
from tests.support.large_tables import grown_database
from users.login.sms_limits import count_site
from users.queries import database_now

pytestmark = pytest.mark.long
PEOPLE = 100_000
TEST_USERS = 300_000
# On a busy machine. The counts take 0.05 s, and took minutes.
MOST_MILLISECONDS = 10_000


@pytest.fixture(scope="module")
def grown(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with grown_database(PEOPLE, django_db_blocker):
        yield


@pytest.mark.usefixtures("grown")
@pytest.mark.django_db
@pytest.mark.parametrize("has_statistics", [True, False])
def test_counts_without_test_users_are_quick_with_many_of_them(has_statistics: bool) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO users_user (is_test, is_staff, is_active, created_at, erased_at) "
            "SELECT true, false, false, now(), now() FROM generate_series(1, %s)",
            [TEST_USERS],
        )
        if has_statistics:
            cursor.execute("ANALYZE users_user")
        cursor.execute(f"SET LOCAL statement_timeout = {MOST_MILLISECONDS}")
    now = database_now()

    count_site(now)
    daily_counts.last(now)

    assert queries.counted_votes().count() > PEOPLE / 2
