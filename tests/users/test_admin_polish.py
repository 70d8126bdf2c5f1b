"""What the admin's lists and pages say in few words: states as marks, commands as code, periods, names and ways out."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import connection
from django.test import Client
from django.utils import timezone

from profiles import privacy
from profiles.models import Profile, VotingPeriod
from tests.support.accounts import SignedInUser, registered
from tests.support.operators import at_work, helper, operator, page_of
from users.models import Device, SmsDelivery, SmsGateway, User
from users.operators import history
from users.sms.models import MANY_REFUSALS
from users.sms.tasks import count_site
from users.templatetags.commands import commands

pytestmark = pytest.mark.django_db
SMS = "/admin/users/smsdelivery/"
IN_RUSSIAN = {"accept-language": "ru"}


@pytest.fixture
def boss(db: None) -> Client:
    return at_work(operator(is_superuser=True))


def test_list_of_users_marks_states_that_most_are_not_in(boss: Client, alice: SignedInUser) -> None:
    test = User.objects.create(phone="+79991110008", is_test=True, verified_at=timezone.now())
    Profile.objects.create(user=test, invite_code="TEST22")
    User.objects.filter(pk=alice.profile.pk).update(is_active=False)
    registered("9991110009", verified_at=None)

    listed = boss.get("/admin/users/user/").text

    marks = re.findall('<span class="(mark[ a-z]*)">([a-z ]+)<', listed)
    assert sorted(marks) == [
        ("mark", "not verified"), ("mark", "operator"), ("mark", "test"), ("mark bad", "disabled"),
    ]  # fmt: skip
    assert "icon-no.svg" not in listed
    assert "Test user: gets no SMS." in boss.get(page_of(test.pk)).text


def test_list_of_devices_says_what_its_time_is_and_names_every_client(boss: Client, alice: SignedInUser) -> None:
    Device.objects.update(user_agent="")

    listed = boss.get("/admin/users/device/", headers=IN_RUSSIAN).text

    assert '<span class="label">активность</span> ' in listed and "неизвестный клиент" in listed


def test_erased_user_has_a_device_without_a_client(boss: Client, alice: SignedInUser) -> None:
    privacy.erase_by_operator(pk := alice.profile.pk)

    page = boss.get(page_of(pk)).text

    assert "addresses and client names are deleted, all sessions are ended." in page and ">unknown client</a>" in page


def test_outcome_of_sms_comes_with_a_period(boss: Client, alice: SignedInUser) -> None:
    SmsDelivery.objects.update(state="failed", error="1 webhook: credit")

    shown = boss.get(f"{SMS}?lately=failed&q=1", follow=True)

    outcome, period = shown.context["cl"].filter_specs
    (chosen,) = [one["display"] for one in period.choices(shown.context["cl"]) if one["selected"]]
    any_date = next(iter(period.choices(shown.context["cl"])))["query_string"]
    assert (outcome.title, chosen, any_date) == ("outcome", "Today", "?q=1")
    assert boss.get(f"{SMS}?lately=failed").status_code == 302
    assert len(boss.get(f"{SMS}?lately=failed", follow=True).context["cl"].result_list) == 1


def test_command_is_one_piece_with_the_number_of_the_gateway(boss: Client, settings: Any) -> None:
    settings.SMS_GATEWAYS = ["webhook+http://127.0.0.1:9/", "telnyx://key@"]
    gateway = SmsGateway.objects.create(name="2 telnyx", refusals=MANY_REFUSALS, error="sender")
    command = '<code>manage.py send_test_sms PHONE <span class="option">--gateway 2</span></code>'

    assert command in boss.get("/admin/").text
    assert command in boss.get(f"/admin/users/smsgateway/{gateway.pk}/change/").text
    assert "No shell? Tell whoever runs the service." in boss.get("/admin/").text
    assert commands("<b> manage.py backup --keep 14 FOLDER every") == (
        '&lt;b&gt; <code>manage.py backup <span class="option">--keep 14</span> FOLDER</code> every'
    )


def test_gateway_is_opened_from_its_list(boss: Client) -> None:
    SmsGateway.objects.create(name="1 smsc")
    found = re.search(
        '<a href="(/admin/users/smsgateway/[^"]+/change/[^"]*)"', boss.get("/admin/users/smsgateway/").text
    )

    assert found and "No. 1 (smsc)" in boss.get(found[1]).text


def test_recent_actions_name_their_objects_in_the_language_of_the_reader(boss: Client, alice: SignedInUser) -> None:
    me, user = User.objects.get(is_superuser=True), alice.profile.user
    told = [history.told(history.VOTE_RELEASED, result=user.pk)]
    VotingPeriod.objects.get_or_create(pk=1)
    LogEntry.objects.log_actions(me.pk, [VotingPeriod.objects.get()], CHANGE, told)
    User.objects.filter(pk=user.pk).update(phone=None, erased_at=user.created_at, is_active=False)
    LogEntry.objects.log_actions(me.pk, [user], CHANGE, told)

    recent = boss.get("/admin/", headers=IN_RUSSIAN).text.partition('id="recent-actions-module"')[2]

    assert ">Период голосования</a>" in recent
    assert f">стёртый пользователь, ID {user.pk}</a>" in recent
    assert f"Снят голос за стёртый пользователь, ID {user.pk}." in recent


def test_vote_leads_to_both_users(boss: Client, alice: SignedInUser, bob: SignedInUser) -> None:
    alice.activate(bob.code)

    page = boss.get(f"/admin/profiles/activation/{alice.profile.pk}/change/").text

    assert f"<h2>Vote of {alice.profile.user} for {bob.profile.user}</h2>" in page
    for one in (alice, bob):
        assert f'<a href="{page_of(one.profile.pk)}">{one.profile.user}</a>' in page
    assert all(f"{label}:" in page for label in ("Voter", "Voter&#x27;s code", "Voted for", "Code voted for"))
    of_voter = boss.get(f"/admin/profiles/profile/{alice.profile.pk}/change/").text
    assert f'{bob.code}, <a href="{page_of(bob.profile.pk)}">' in of_voter


def test_vote_leads_to_its_release_which_names_it(boss: Client, alice: SignedInUser, bob: SignedInUser) -> None:
    alice.activate(bob.code)
    vote, release = f"/admin/profiles/activation/{alice.profile.pk}/change/", page_of(alice.profile.pk, "release-vote")

    asked = boss.post(release, {"reason": ""}).text

    assert f'<a href="{release}">Release the vote</a>' in boss.get(vote).text
    assert release not in helper("view_activation").get(vote).text
    assert f"Vote of {alice.profile.user} for {bob.profile.user} ({bob.code}), 20" in asked
    assert "Write the reason." in asked


def test_error_of_an_address_leads_out_of_it(boss: Client) -> None:
    page = boss.get("/admin/users/user/?password=a").text
    assert "The address has a wrong filter or value." in page
    assert '<a class="button" href="/admin/users/user/">Open the list without filters</a>' in page
    assert "If you need it, ask a superuser." in helper("view_device").get("/admin/auth/group/").text


def test_failed_job_says_when(boss: Client) -> None:
    job = count_site.configure(queueing_lock=None).defer(timestamp=0)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'doing' WHERE id = %s", [job])
        cursor.execute("UPDATE procrastinate_jobs SET status = 'failed' WHERE id = %s", [job])

    page = boss.get(f"/admin/procrastinate/procrastinatejob/{job}/change/").text

    assert re.search(r'Failed at:</label>\s*<div class="readonly">\d{4}-', page)


def test_page_of_a_job_shows_its_newest_events(boss: Client) -> None:
    job = count_site.configure(queueing_lock=None).defer(timestamp=0)
    started = "INSERT INTO procrastinate_events (job_id, type) SELECT %s, 'started' FROM generate_series(1, 100)"
    with connection.cursor() as cursor:
        cursor.execute(started, [job])

    page = boss.get(f"/admin/procrastinate/procrastinatejob/{job}/change/").text

    assert page.count("<td>started</td>") == 100
    assert "<td>requested</td>" not in page


def test_page_of_an_operator_leads_to_the_second_factor_and_explains_superusers(boss: Client) -> None:
    other = operator("9991119996")

    own = boss.get(page_of(User.objects.get(is_superuser=True).pk)).text
    assert 'The second factor is off. <a href="/admin/second-factor/">Turn on</a>' in own
    assert "Has every permission." in own
    assert ">Turn on</a>" not in boss.get(page_of(other.pk)).text
    log_in = Client().get("/admin/login/").text
    assert "<h1>Log in to the admin</h1>" in log_in
