"""What pages of the admin say where a value alone would not help."""

import pytest
from django.db import connection

from tests.support.operators import helper
from users.models import SiteTotals
from users.queries import database_now
from users.sms.tasks import count_site

pytestmark = pytest.mark.django_db


def test_totals_say_what_unused_codes_mean() -> None:
    SiteTotals.objects.create(counted_at=database_now(), people_a_day=1, sms_in_a_day=1, suspect_countries=["RU"])

    page = helper("view_sitetotals").get("/admin/users/sitetotals/1/change/").text

    assert "SMS_GUARD=enforce sends no SMS to unverified phones there" in page
    assert "number prefixes" not in page


@pytest.mark.parametrize(("status", "says"), [("failed", True), ("succeeded", False)])
def test_failed_job_says_where_its_error_is(status: str, says: bool) -> None:
    job = count_site.configure(queueing_lock=None).defer(timestamp=0)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = %s WHERE id = %s", [status, job])

    page = helper("view_procrastinatejob").get(f"/admin/procrastinate/procrastinatejob/{job}/change/").text

    assert ("See the log of the worker" in page) is says
    assert "at the time below" not in page, "it has no time"
