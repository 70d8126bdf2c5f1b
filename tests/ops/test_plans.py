"""No statement scans a whole table that grows."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db import connection
from django.db.models import Model
from django.test import Client
from procrastinate.sql import queries
from rest_framework.test import APIClient

import profiles.tasks
from profiles.models import Activation
from profiles.webhooks import queries as webhooks
from profiles.webhooks.sender import CLAIM_FOR
from tests.support import query_plans as plans
from tests.support.accounts import client
from tests.support.admin_actions import about
from tests.support.admin_lists import changelist
from tests.support.large_tables import GROWING, grown_database
from tests.support.login_steps import right, wrong
from tests.support.operators import at_work
from tests.support.run_worker import claim_and_record
from users import limit_queries
from users.login import risk
from users.models import SmsDelivery, User
from users.queries import database_now, queue
from users.sms import gateways, receipts, tasks
from users.sms import queries as sms_queries
from users.sms.answers import Outcome

pytestmark = pytest.mark.long
PEOPLE = 100_000
# Rows that one statement may read: lists of the admin count to 1000, and some filters match one row in ten.
MOST_ROWS = PEOPLE // 5
HOURLY = "once an hour: looks for what is kept no longer, and takes it in batches"
# Texts of the statements that may scan a table, with the reason.
EXCEPTIONS = {
    "INSERT INTO users_sitetotals": "once a minute: counts the SMS of a day and the codes of a week",
    "INSERT INTO users_networktotals": "once a minute: counts the SMS and challenges of a day",
    'FOR UPDATE OF "users_challenge" SKIP LOCKED': HOURLY,
    'FOR UPDATE OF "users_device" SKIP LOCKED': HOURLY,
    'FOR UPDATE OF "users_user" SKIP LOCKED': HOURLY,
    'FOR UPDATE OF "profiles_miss" SKIP LOCKED': HOURLY,
    'FOR UPDATE OF "profiles_webhookdelivery" SKIP LOCKED': HOURLY,
    '"axes_accessattempt"."attempt_time" <': "wrong passwords of half an hour, which only an attack makes many",
    "DELETE FROM procrastinate_jobs\nWHERE id IN": HOURLY,
}


@pytest.fixture(scope="module")
def grown(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with grown_database(PEOPLE, django_db_blocker):
        yield


@pytest.fixture(autouse=True)
def gateway(settings: Any, grown: None, db: None) -> None:
    """A configured gateway, so that all limits are read."""
    settings.DEMO, settings.SMS_GATEWAYS = False, ["webhook+http://127.0.0.1:9/"]


@pytest.fixture
def boss(gateway: None) -> Client:
    """A superuser's browser."""
    User.objects.filter(pk=2).update(is_superuser=True)
    return at_work(User.objects.get(pk=2))


# The service forces generic plans. A pooler may refuse that option, and PostgreSQL then chooses.
@pytest.fixture(params=["force_generic_plan", "force_custom_plan"])
def readings(request: pytest.FixtureRequest) -> Iterator[list[plans.Reading]]:
    with plans.read(request.param) as found:
        yield found


def too_long(found: list[plans.Reading]) -> list[str]:
    connection.check_constraints()
    wrong = [
        str(one)
        for one in found
        if one.table in GROWING
        and (one.how == "Seq Scan" or one.rows > MOST_ROWS)
        and not any(text in one.statement for text in EXCEPTIONS)
    ]
    return list(dict.fromkeys(wrong))


def sign_in(api: APIClient, phone: str, **signup: Any) -> dict[str, Any]:
    asked = api.post("/api/auth/signup", {"phone": phone, **signup}).json()
    api.post("/api/auth/login", {"code": wrong(asked["challenge_id"]), "challenge_id": asked["challenge_id"]})
    answer = api.post("/api/auth/login", {"code": right(asked["challenge_id"]), "phone": phone}).json()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {answer['token']}")
    return answer


def test_signing_in_and_out_scans_no_table(readings: list[plans.Reading]) -> None:
    for phone in ("9991234567", "9000000001"):
        api = client()
        first = sign_in(api, phone)
        second = sign_in(client(), phone, device_token=first["device_token"])
        assert api.post("/api/auth/refresh", {"refresh": second["refresh"]}).status_code == 200
        assert api.post("/api/auth/signup", {"phone": phone}).status_code == 200
        again = sign_in(api, phone)
        device = api.get("/api/v1/devices").json()[0]["id"]
        assert api.delete(f"/api/v1/devices/{device}").status_code == 204
        assert api.post("/api/auth/logout", {"refresh": again["refresh"]}).status_code == 204
        sign_in(api, phone)
        assert api.delete("/api/v1/devices").status_code == 204

    assert not (found := too_long(readings)), "\n\n".join(found)


def test_profile_and_votes_scan_no_table(readings: list[plans.Reading]) -> None:
    celebrity, newcomer = client(), client()
    sign_in(celebrity, "9000000001")
    sign_in(newcomer, "9991234567")
    me = "/api/v1/profiles/me"
    code = celebrity.get(me).json()["invite_code"]
    own = newcomer.get(me).json()["invite_code"]
    page = celebrity.get(f"{me}/invitations").json()
    for link in ("next", "next", "previous"):
        page = celebrity.get(page[link]).json()
        assert len(page["results"]) == 50

    for typed, status in ((own, 409), ("ZZZZZZ", 404), (code, 200), (code, 409)):
        assert newcomer.post(me, {"activated_invite": typed}).status_code == status
    assert b"".join(newcomer.get(f"{me}/export").streaming_content)
    assert newcomer.delete(me).status_code == 204

    assert not (found := too_long(readings)), "\n\n".join(found)


def test_list_of_profiles_scans_no_table(readings: list[plans.Reading]) -> None:
    User.objects.filter(pk=2).update(is_superuser=True)
    staff = client()
    sign_in(staff, "9000000002")
    path = "/api/v1/profiles"
    for ordering in ("created_at", "-created_at", "invitations_count", "-invitations_count"):
        for filters in ({}, {"has_activated": "true"}, {"has_activated": "false"}):
            page = staff.get(path, {"ordering": ordering, **filters}).json()
            for link in ("next", "next", "previous"):
                page = staff.get(page[link]).json()
                assert len(page["results"]) == 50
    for filters in (
        {"phone": "9000000001"}, {"invite_code": "GGGGGH"},
        {"created_after": "2020-01-01T00:00:00Z"}, {"created_before": "2040-01-01T00:00:00Z"},
    ):  # fmt: skip
        assert staff.get(path, filters).json()["results"], filters
    assert staff.get(f"{path}/1").status_code == 200

    assert not (found := too_long(readings)), "\n\n".join(found)


@pytest.mark.parametrize("model", [model for model in apps.get_models() if admin.site.is_registered(model)])
def test_list_of_the_admin_scans_no_table(model: type[Model], readings: list[plans.Reading]) -> None:
    """All that may be clicked on it, and searches; without the pages, which take their time and read nothing more."""
    shown = listed(model, "")
    filters = [choice["query_string"] for one in shown.filter_specs for choice in one.choices(shown)]
    columns = [number for number, name in enumerate(shown.list_display) if name in (shown.sortable_by or ())]
    orders = [f"?o={sign}{number}" for number in columns for sign in ("", "-")]
    searches = ["?q=9000000001", "?q=9000000777", "?q=GGGGGH", "?q=0777", "?q=777"]

    for query in ["?p=2", f"?p={shown.paginator.num_pages}", *filters, *orders, "?o=1.2.3.4.5", *searches]:
        listed(model, query)

    assert not (found := too_long(readings)), "\n\n".join(found)


def listed(model: type[Model], query: str) -> ChangeList:
    shown = changelist(model, query)
    assert len(list(shown.result_list)) <= shown.list_per_page
    return shown


def test_page_of_a_user_scans_no_table(boss: Client, readings: list[plans.Reading]) -> None:
    for path in (
        *("", "users/user/9/change/", "users/user/1/change/", "users/user/1/change/?votes_before=99999999999999999-1"),
        *("users/user/1/history/", "users/user/1/diagnosis/"),
        *("users/device/1/change/", "users/logincode/1/change/", "users/smsdelivery/1/change/"),
        *("profiles/profile/1/change/", "profiles/activation/5/change/", "procrastinate/procrastinatejob/1/change/"),
    ):
        assert boss.get(f"/admin/{path}").status_code == 200, path
    for action in ("release-vote", "new-code", "end-devices", "disable", "enable", "erase"):
        answer = boss.post(
            f"/admin/users/user/9/{action}/", {"reason": "Spam.", "sure": "on", "about": about(action, 9)}
        )
        assert answer.status_code == 302, action
    assert User.objects.get(pk=9).erased_at
    assert not (found := too_long(readings)), "\n\n".join(found)


def execute(statement: str, **values: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchone() if cursor.description else None


def test_sending_scans_no_table(settings: Any, readings: list[plans.Reading]) -> None:
    first, *_ = execute(queries["fetch_job"], queues=None, worker_id=None)
    second, *_ = execute(queries["fetch_job"], queues=["sms"], worker_id=None)
    again = {"retry_at": database_now(), "new_priority": None, "new_queue_name": None, "new_lock": None}
    execute(queries["retry_job"], job_id=first, **again)
    execute(queries["finish_job"], job_id=second, status="succeeded", delete_job=True)
    execute(queries["select_stalled_jobs_by_heartbeat"], queue=None, task_name=None, seconds_since_heartbeat=10)
    assert claim_and_record(20) == 20
    sms_queries.queue_sms_of_old_job(PEOPLE, "-")
    assert len(webhooks.claim(8, {1: 8}, CLAIM_FOR)) == 8
    queue(database_now())
    for other in ([], ["webhook://127.0.0.1:9/other"]):
        settings.SMS_GATEWAYS = ["webhook://127.0.0.1:9/", *other]
        for reference, is_known in ((f"ref-{PEOPLE - 1}", True), ("ref-0", False)):
            assert receipts.record(gateways.configured()[0], Outcome(reference, None)) == is_known

    SmsDelivery.objects.filter(pk=PEOPLE).update(open_tries={gateways.names()[0]: 1}, created_at=database_now())
    receipts.look_again(gateways.configured()[0], [Outcome("ref-0", None)])

    assert not (found := too_long(readings)), "\n\n".join(found)


def test_periodic_tasks_scan_only_what_they_must(readings: list[plans.Reading]) -> None:
    for task in tasks.count_site, profiles.tasks.purge, profiles.tasks.store_days:
        task(timestamp=0)

    assert not (found := too_long(readings)), "\n\n".join(found)


def test_scrape_of_the_metrics_scans_no_table(readings: list[plans.Reading]) -> None:
    queue(now := database_now())
    assert [*webhooks.waiting()] == [1, 2]
    limit_queries.sms_in_a_day(now, 10_000)
    limit_queries.site_risk_weight(now, weight=3, site=risk.SITE_DAY)

    assert not (found := too_long(readings)), "\n\n".join(found)


def test_scan_of_a_whole_table_is_detected() -> None:
    execute("DROP INDEX profiles_activation_created")

    with plans.read("force_custom_plan") as found:
        listed(Activation, "")

    assert any("rows of profiles_activation" in one for one in too_long(found))
