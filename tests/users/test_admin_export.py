"""Export of the admin's lists as files."""

import csv
import gc
import io
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree
from zipfile import ZipFile

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.test import Client

from profiles.models import Activation
from tests.support.accounts import SignedInUser
from tests.support.many_users import crowd
from tests.support.operators import at_work, operator
from users.admin import export, sheets
from users.models import User

pytestmark = pytest.mark.django_db

SPREADSHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def taken(browser: Client, model: str, query: str = "", kind: str = "csv") -> bytes:
    answer = browser.post(f"/admin/{model}/export/{query}", {"format": kind})
    assert answer.status_code == 200
    assert f".{kind}" in answer["Content-Disposition"]
    assert "no-store" in answer["Cache-Control"]
    return b"".join(answer.streaming_content)


def table(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def sheet(content: bytes) -> list[list[tuple[str, str]]]:
    """Type and text of each cell. The type `inlineStr` is a text. A formula would have an `f`."""
    with ZipFile(io.BytesIO(content)) as book:
        root = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
    assert not list(root.iter(f"{SPREADSHEET}f"))
    return [[(c.get("t", "n"), "".join(c.itertext())) for c in row] for row in root.iter(f"{SPREADSHEET}row")]


def test_users_are_exported_as_filtered(boss: Client, alice: SignedInUser, bob: SignedInUser) -> None:
    User.objects.filter(phone=f"+7{bob.phone}").update(is_active=False)

    everybody = table(taken(boss, "users/user"))
    disabled = table(taken(boss, "users/user", "?standing=disabled"))
    found = table(taken(boss, "users/user", f"?q={alice.phone}"))

    assert [row["phone"] for row in everybody] == ["+79991110002", "+79991110001", "+79991119998"]
    assert [(row["phone"], row["active"]) for row in disabled] == [(f"+7{bob.phone}", "false")]
    assert [row["ID"] for row in found] == [str(alice.profile.pk)]
    assert found[0]["created (UTC)"] == f"{alice.profile.user.created_at:%Y-%m-%d %H:%M:%S}"


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_exports_leave_half_of_the_threads_for_all_else(boss: Client, settings: Any, kind: str) -> None:
    gc.collect()  # responses of other tests
    path = "/admin/users/user/export/"
    unread: list[Any] = [boss.post(path, {"format": kind}) for _ in range(settings.WEB_THREADS // 2)]

    refused = boss.post(path, {"format": kind}, query_params={"standing": "operator"})

    assert (refused.status_code, refused["Location"]) == (302, "../?standing=operator")
    assert "Other large files are being sent" in boss.get("/admin/users/user/").text
    assert LogEntry.objects.count() == len(unread), "the refused one is not in the log"
    for answer in unread:
        b"".join(answer.streaming_content)
    taken(boss, "users/user", kind=kind)
    taken(boss, "users/user", kind=kind)
    taken(boss, "users/user", kind=kind)


def test_history_keeps_the_beginning_of_a_long_filter(boss: Client) -> None:
    taken(boss, "users/user", f"?o={'x' * 3000}")

    [entry] = LogEntry.objects.filter(action_flag=export.EXPORT)
    assert f"filter: o={'x' * 498}; phones" in entry.change_message


def test_export_that_nobody_sends_leaves_its_place(boss: Client, settings: Any) -> None:
    for _ in range(settings.WEB_THREADS + 1):
        assert boss.post("/admin/users/user/export/", {"format": "csv"}).status_code == 200
        gc.collect()


def test_votes_and_profiles_are_exported_in_the_order_of_their_list(
    boss: Client, alice: SignedInUser, bob: SignedInUser
) -> None:
    alice.activate(bob.code)

    (vote,) = table(taken(boss, "profiles/activation"))
    profiles = table(taken(boss, "profiles/profile", "?o=2"))

    assert (vote["invitee"], vote["invitee's phone"]) == (alice.code, f"+7{alice.phone}")
    assert (vote["inviter"], vote["inviter's phone"]) == (bob.code, f"+7{bob.phone}")
    assert [row["votes received"] for row in profiles] == ["0", "0", "1"]
    assert {row["invite code"]: row["voted for"] for row in profiles}[alice.code] == bob.code


@pytest.mark.parametrize("order", ["", "?o=2", "?o=-2"])
def test_every_row_is_exported_once_even_among_equal_ones(
    monkeypatch: pytest.MonkeyPatch, boss: Client, alice: SignedInUser, order: str
) -> None:
    monkeypatch.setattr(export, "BATCH", 4)
    everybody = {"+79991119998", f"+7{alice.phone}", *(f"+7{phone}" for phone in crowd(12, alice.profile))}

    phones = [row["phone"] for row in table(taken(boss, "profiles/profile", order))]

    assert len(phones) == len(everybody)
    assert set(phones) == everybody


def test_all_votes_of_an_inviter_are_exported_though_the_list_shows_some(
    monkeypatch: pytest.MonkeyPatch, boss: Client, alice: SignedInUser
) -> None:
    monkeypatch.setattr("profiles.admin.profiles.COUNTED_ROWS", 3)
    crowd(5, alice.profile)

    votes = table(taken(boss, "profiles/activation", f"?q={alice.code}"))

    assert len(votes) == Activation.objects.count() == 5


def test_sheet_has_texts_and_numbers_and_no_formulas(boss: Client, alice: SignedInUser) -> None:
    headings, person, *_ = sheet(taken(boss, "users/user", f"?q={alice.phone}", "xlsx"))

    assert ("inlineStr", "phone") in headings
    assert person[0] == ("n", str(alice.profile.pk))
    assert person[1] == ("inlineStr", f"+7{alice.phone}")
    assert person[2] == ("b", "1")


def test_times_are_dates_of_the_sheet_in_the_time_zone(settings: Any, boss: Client, alice: SignedInUser) -> None:
    settings.TIME_ZONE = "Asia/Vladivostok"
    User.objects.update(created_at=datetime(2030, 1, 1, 20, 4, 5, 6, UTC))

    headings, person = sheet(taken(boss, "users/user", f"?q={alice.phone}", "xlsx"))
    (row,) = table(taken(boss, "users/user", f"?q={alice.phone}"))

    place = headings.index(("inlineStr", "created (Asia/Vladivostok)"))
    since_1900 = datetime(2030, 1, 2, 6, 4, 5) - datetime(1899, 12, 30)  # noqa: DTZ001 - as spreadsheets count
    kind, number = person[place]
    assert (kind, round(float(number), 6)) == ("n", round(since_1900.total_seconds() / 86400, 6))
    assert row["created (Asia/Vladivostok)"] == "2030-01-02 06:04:05"


@pytest.mark.parametrize(("language", "separator"), [("en", ","), ("ru", ";")])
def test_csv_opens_as_columns_in_the_excel_of_the_language(
    boss: Client, alice: SignedInUser, language: str, separator: str
) -> None:
    answer: Any = boss.post("/admin/users/user/export/", headers={"accept-language": language})

    heading, first, *_ = b"".join(answer.streaming_content).decode().splitlines()

    assert heading.startswith("\ufeff")
    assert heading.count(separator) == first.count(separator) == len(columns_of_users()) - 1


def columns_of_users() -> list[str]:
    return list(admin.site.get_model_admin(User).exported)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_text_is_never_read_as_a_formula(start: str) -> None:
    assert sheets.cell(f"{start}1+1") == f"'{start}1+1"
    assert sheets.cell(f"1{start}1") == f"1{start}1"
    assert sheets.cell(-1) == -1


def test_full_phones_need_their_permission(alice: SignedInUser, bob: SignedInUser) -> None:
    alice.activate(bob.code)
    views = ("view_user", "view_profile", "view_activation")
    curious = at_work(operator("9991119997", *views))
    trusted = at_work(operator("9991119996", *views, "view_phone"))

    for model in ("users/user", "profiles/profile", "profiles/activation"):
        assert b"+7***0001" in (masked := taken(curious, model))
        assert b"999111" not in masked
        assert b"+79991110001" in taken(trusted, model)


def test_export_is_logged_without_a_full_phone(boss: Client, alice: SignedInUser) -> None:
    taken(boss, "users/user", f"?q=%2B7{alice.phone}&standing=operator")
    taken(boss, "profiles/profile", kind="xlsx")

    entries = LogEntry.objects.order_by("pk")
    assert not any(entry.is_addition() or entry.is_change() or entry.is_deletion() for entry in entries)
    said = [(entry.object_repr, entry.get_change_message()) for entry in entries]
    assert said == [
        ("Export: users, CSV", "Exported as CSV; filter: q=+7***0001; standing=operator; phones: full; rows: 0"),
        ("Export: profiles, XLSX", "Exported as XLSX; filter: none; phones: full; rows: 2"),
    ]


def test_interrupted_export_is_logged(monkeypatch: pytest.MonkeyPatch, boss: Client, alice: SignedInUser) -> None:
    monkeypatch.setattr(export, "BATCH", 1)

    answer: Any = boss.post("/admin/users/user/export/")
    next(rows := answer.streaming_content)
    next(rows)

    assert LogEntry.objects.get().get_change_message().endswith("rows: incomplete")
    answer.close()


def test_export_needs_the_permission_for_the_list_and_a_post(boss: Client, alice: SignedInUser) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = boss.cookies

    assert at_work(operator("9991119997", "view_device")).post("/admin/users/user/export/").status_code == 403
    assert Client().post("/admin/users/user/export/").status_code == 302
    assert boss.get("/admin/users/user/export/").status_code == 405
    assert strict.post("/admin/users/user/export/").status_code == 403
    assert boss.post("/admin/users/user/export/?phone__startswith=%2B7").status_code == 400
    assert not LogEntry.objects.exists()
    assert 'action="export/?standing=operator"' in boss.get("/admin/users/user/?standing=operator&p=1").content.decode()


def test_list_too_long_for_a_sheet_is_exported_as_csv_only(
    monkeypatch: pytest.MonkeyPatch, boss: Client, alice: SignedInUser
) -> None:
    monkeypatch.setattr(export, "XLSX_ROWS", 1)

    answer = boss.post("/admin/users/user/export/", {"format": "xlsx"}, follow=True)

    assert "XLSX is for up to 1 rows" in answer.content.decode()
    assert len(table(taken(boss, "users/user"))) == 2


def test_odd_queries_cause_no_error_and_reveal_no_phone(boss: Client) -> None:
    table(taken(boss, "users/user", "?q=%00&all=79991112233"))

    assert LogEntry.objects.latest("pk").change_message.startswith("Exported as CSV; filter: all=***2233; q=;")
