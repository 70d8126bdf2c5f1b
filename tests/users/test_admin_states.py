"""What lists and pages of the admin say about states: jobs, codes, groups and histories."""

import re
from datetime import timedelta
from functools import partial

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from tests.support.accounts import SignedInUser
from tests.support.jobs import failed_jobs
from tests.support.operators import at_work, helper, logged, operator
from tests.support.races import race
from users.admin import jobs
from users.models import LoginCode
from users.sms.tasks import count_site

pytestmark = pytest.mark.django_db
JOBS = "/admin/procrastinate/procrastinatejob/"


def test_failed_job_is_found_and_run_again_from_its_page() -> None:
    [job] = failed_jobs(1)
    browser = helper("view_procrastinatejob", "change_procrastinatejob")

    listed, page = browser.get(JOBS).text, browser.get(f"{JOBS}{job}/change/").text
    form = re.search(rf'<form method="post" action="{JOBS}">(.*?)</form>', page, re.DOTALL)
    assert form and '<a href="?status=failed">Show the failed jobs' in listed
    answer = browser.post(JOBS, dict(re.findall('name="([^"]+)" value="([^"]+)"', form[1])))

    assert answer.headers["Location"] == f"{JOBS}{job}/change/"
    assert "Ran the job again." in browser.get(f"{JOBS}{job}/history/").text
    assert ProcrastinateJob.objects.get(pk=job).status == "todo"
    assert (
        "<form"
        not in browser.get(f"{JOBS}{job}/change/").text.partition('class="object-tools"')[2].partition("</ul>")[0]
    )
    assert "Show the failed jobs" not in browser.get(JOBS).text


def run_again(*chosen: int, **more: str) -> str:
    browser = helper("view_procrastinatejob", "change_procrastinatejob")
    return browser.post(JOBS, {"action": "retry", "_selected_action": chosen, **more}, follow=True).text


@pytest.mark.parametrize("status", ["todo", "doing", "aborted"])
def test_only_failed_jobs_are_run_again(status: str) -> None:
    """The worker of a running one could not write how it has ended, and would end, with all SMS."""
    other, failed = failed_jobs(2)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = %s WHERE id = %s", [status, other])

    assert "Jobs that this changed: 1." in run_again(other, failed)

    assert [ProcrastinateJob.objects.get(pk=job).status for job in (other, failed)] == [status, "todo"]
    assert logged() == ["Ran the job again."]


@pytest.mark.usefixtures("empty_queue")
def test_history_says_once_that_a_job_was_run_again() -> None:
    """However many requests ask for it at the same moment."""
    failed = failed_jobs(5)
    browser, form = helper("view_procrastinatejob", "change_procrastinatejob"), {"action": "retry"}

    race([partial(browser.post, JOBS, {**form, "_selected_action": failed})] * 4)

    assert len(logged()) == 5


def test_few_jobs_are_run_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "RUN_AT_ONCE", 2)
    failed = failed_jobs(3)

    assert "Jobs that this changed: 2." in run_again(failed[0], select_across="1")

    assert ProcrastinateJob.objects.filter(status="failed").get().pk == failed[0]


def test_no_other_action_on_jobs_is_offered() -> None:
    browser = helper("view_procrastinatejob", "change_procrastinatejob")
    job = count_site.configure(queueing_lock=None).defer(timestamp=0)

    for action in ("cancel", "abort", "delete_selected"):
        browser.post(JOBS, {"action": action, "_selected_action": job, "post": "yes"})

    assert ProcrastinateJob.objects.get(pk=job).status == "todo"
    assert re.findall('<option value="([a-z_]+)"', browser.get(JOBS).text) == ["retry"]


def test_jobs_that_cannot_be_run_again_leave_the_others_run(alice: SignedInUser) -> None:
    """A periodic task waits once at most: the database refuses the second job with the same lock."""
    assert "Jobs that this changed: 1." in run_again(*failed_jobs(2, "count_site"))

    assert sorted(ProcrastinateJob.objects.values_list("status", flat=True)) == ["failed", "todo"]
    assert logged() == ["Ran the job again."]


def test_login_code_is_used_or_valid_or_expired(alice: SignedInUser) -> None:
    used = LoginCode.objects.get()
    browser, now = helper("view_logincode"), timezone.now()

    def state() -> str:
        found = re.search(
            'field-state[^"]*"><span class="outcome ([a-z]*)">([a-z]+)<', browser.get("/admin/users/logincode/").text
        )
        assert found
        return f"{found[1]} {found[2]}"

    assert state() == "good used"
    LoginCode.objects.filter(pk=used.pk).update(used_at=None, expires_at=now + timedelta(minutes=5))
    assert state() == "good valid"
    LoginCode.objects.filter(pk=used.pk).update(expires_at=now - timedelta(minutes=5))
    assert state() == " expired"


def test_group_has_its_members_and_one_name() -> None:
    boss = operator(is_superuser=True)
    group, _created = Group.objects.get_or_create(name="support")
    boss.groups.add(group)

    page = at_work(boss).get(f"/admin/auth/group/{group.pk}/change/").text

    assert f'<a href="/admin/users/user/{boss.pk}/change/">{boss}</a>' in page
    assert "Support" in page and 'name="name"' not in page
    own = at_work(boss).get(f"/admin/users/user/{boss.pk}/change/").text
    assert "superuser, Support" in own and '<li class="warning">The second factor is off.' in own


def test_history_says_whose_it_is(alice: SignedInUser) -> None:
    boss = at_work(operator(is_superuser=True))
    boss.post(f"/admin/users/user/{alice.profile.pk}/disable/", {"reason": "Ticket 12."})

    user = boss.get(f"/admin/users/user/{alice.profile.pk}/history/").text
    period = boss.get("/admin/profiles/votingperiod/1/history/").text

    assert f"<h2>{alice.profile.user}</h2>" in user and ">Operator</th>" in user
    assert period.partition('class="breadcrumbs"')[2].partition("</div>")[0].count("Voting period") == 1
