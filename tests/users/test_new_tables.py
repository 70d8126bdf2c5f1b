"""PostgreSQL takes a table for small until it has statistics. A crowd may come before: no sign-in reads all of it."""

import pytest
from django.db import connection

from tests.support import query_plans as plans
from tests.support.login_steps import answer, ask, at, someone
from users.login.sms_limits import count_site

TABLES = {"users_challenge", "users_device", "users_logincode", "users_networktotals", "users_smsdelivery"}


@pytest.mark.django_db
def test_sign_in_scans_no_table_without_statistics(unreachable_gateway: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(sorted(TABLES))} CASCADE")  # which forgets the statistics too

    answer(ask(phone=someone(0)))
    count_site(at(60))

    with plans.read("force_generic_plan") as found:
        for number in range(1, 4):
            answer(ask(60, phone=someone(number)), 60)

    scanned = [str(one) for one in found if one.table in TABLES and one.how == "Seq Scan"]
    assert {one.table for one in found} >= TABLES
    assert not scanned, "\n".join(scanned)
