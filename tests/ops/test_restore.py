"""`manage.py restore` restores a backup completely, or changes nothing and says why."""

import hashlib
import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from inviting_app.ops import backup
from tests.support.accounts import SignedInUser
from tests.support.backups import back_up, interrupted, restore, sums
from users.clock import HOUR
from users.models import SiteTotals, User
from users.queries import database_now

pytestmark = pytest.mark.django_db(transaction=True)


def sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def test_backup_is_restored_completely(
    alice: SignedInUser, bob: SignedInUser, file: Path, empty_database: Callable[[], None]
) -> None:
    bob.activate(alice.code)
    before = sums()

    back_up(file)
    empty_database()
    printed = restore(file)

    assert sums() == before
    assert "Restored: 2 users and 1 activations.\n" in printed
    assert "manage.py erasures --again < erasures.txt" in printed
    assert alice.me()["invitations"] == [bob.phone]


def test_backup_with_the_checksum_of_the_former_version_is_restored(
    alice: SignedInUser, file: Path, empty_database: Callable[[], None]
) -> None:
    back_up(file)
    before = sums()
    with file.open("ab") as sealed:
        sealed.write(b"\nsha256:%s\n" % hashlib.sha256(file.read_bytes()).hexdigest().encode())

    empty_database()
    restore(file)

    assert sums() == before


def test_database_that_is_not_empty_is_refused_with_advice(alice: SignedInUser, file: Path) -> None:
    back_up(file)
    before = sums()

    with pytest.raises(CommandError, match=r"^The backup was not restored: this database is not empty") as refused:
        restore(file)

    assert sums() == before
    # Otherwise users who are erased meanwhile would come back.
    assert re.search("Stop web and worker, then .*\n +manage.py erasures > erasures.txt", str(refused.value))
    assert f"manage.py restore {file} --erasures erasures.txt" in str(refused.value)
    # Root would follow links that this user may have put there.
    assert re.search("As the user who owns it, move .*\n +mv ", str(refused.value))


def test_users_erased_since_the_backup_are_erased_again(
    alice: SignedInUser, charlie: SignedInUser, file: Path, empty_database: Callable[[], None]
) -> None:
    erased = charlie.profile.pk
    back_up(file)
    assert charlie.api.delete("/api/v1/profiles/me").status_code == 204
    log = io.StringIO()
    call_command("erasures", stdout=log)
    erasures = file.with_name("erasures.txt")
    erasures.write_text(log.getvalue())

    empty_database()
    printed = restore(file, erasures=erasures)

    assert "Erasures in the log: 1, users erased again: 1." in printed
    assert set(User.objects.filter(erased_at__isnull=False).values_list("pk", flat=True)) == {erased}
    assert alice.me()["phone"] == alice.phone


def test_restored_backup_is_remembered_as_made_and_checked(
    alice: SignedInUser, file: Path, empty_database: Callable[[], None]
) -> None:
    SiteTotals.objects.create(counted_at=database_now(), people_a_day=1, sms_in_a_day=1)
    back_up(file)  # its own record follows
    empty_database()

    restore(file)

    totals, now = SiteTotals.objects.get(), database_now()
    assert totals.backed_up_at == totals.checked_backup_at
    assert totals.backed_up_at and now - HOUR < totals.backed_up_at < now


@pytest.mark.long
def test_backup_of_an_older_version_is_migrated_and_of_a_newer_one_refused(
    alice: SignedInUser, file: Path, empty_database: Callable[[], None]
) -> None:
    older, newer = file.with_suffix(".older"), file.with_suffix(".newer")
    back_up(file)
    empty_database()
    restore(file)
    before = sums().keys()
    call_command("migrate", "users", "0001", verbosity=0)
    back_up(older)

    empty_database()
    restore(older)
    migrated = sums().keys()
    sql("INSERT INTO django_migrations (app, name, applied) VALUES ('users', '9999_wings', now())")
    back_up(newer)
    empty_database()

    assert migrated == before
    with pytest.raises(CommandError, match=r"newer version: users\.9999_wings is not known"):
        restore(newer)
    assert sums() == {}


def test_damaged_backup_restores_nothing(alice: SignedInUser, file: Path, empty_database: Callable[[], None]) -> None:
    back_up(file)
    whole = file.read_bytes()
    row = whole.rindex(b"\x78\x9c") + 10  # in the compressed rows of a table
    damaged = {
        "cut in half": whole[: len(whole) // 2],
        "cut at the end": whole[:-600],
        "a changed row": whole[:row] + bytes([whole[row] ^ 1]) + whole[row + 1 :],
        "empty": b"",
        "another file": b"SELECT 1;\n",
    }
    empty_database()

    for how, data in damaged.items():
        file.write_bytes(data)
        with pytest.raises(CommandError, match=r"^The backup was not restored: "):
            restore(file)

        assert sums() == {}, how
    with pytest.raises(CommandError, match="No such file or directory"):
        restore(file.with_name("none"))


def test_restore_without_a_database_says_so_in_one_line(alice: SignedInUser, file: Path) -> None:
    back_up(file)
    connection.close()
    port = connection.settings_dict["PORT"]
    connection.settings_dict["PORT"] = "1"
    try:
        with pytest.raises(CommandError, match=r"^The backup was not restored: the database does not answer: .+[^.]$"):
            restore(file)
    finally:
        connection.settings_dict["PORT"] = port


def test_error_of_the_server_changes_nothing(
    alice: SignedInUser, file: Path, empty_database: Callable[[], None]
) -> None:
    back_up(file)
    empty_database()
    sql("CREATE VIEW users_user AS SELECT 1")

    with pytest.raises(CommandError, match=r'^The backup was not restored: .+relation "users_user" already exists'):
        restore(file)

    assert sums().keys() <= {"users_user"}


def test_hostile_backup_neither_fills_the_memory_nor_writes_to_the_terminal(
    alice: SignedInUser, file: Path, empty_database: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    sql('CREATE TABLE "aa\x1b[2J" ()')
    back_up(file)
    empty_database()
    sql('CREATE VIEW "aa\x1b[2J" AS SELECT 1')

    with pytest.raises(CommandError, match=r'relation "aa\\x1b\[2J" already exists'):
        restore(file)
    monkeypatch.setattr(backup, "PRINTED_BYTES", 1000)
    with pytest.raises(CommandError, match="File too large"):
        restore(file)


@pytest.mark.long
def test_interrupted_restore_changes_nothing(
    alice: SignedInUser, file: Path, empty_database: Callable[[], None]
) -> None:
    back_up(file)
    empty_database()

    # pg_restore waits until this table is committed or rolled back.
    printed = interrupted("pg_restore", "CREATE TABLE users_user ()", "restore", "--trusted", str(file))

    assert "The backup was not restored: interrupted\n" in printed
    assert sums() == {}
