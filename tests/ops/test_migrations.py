"""The migrations create the tables of the models, keep their rows, and can be reversed."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection

from profiles import queries
from users.models import User

PEOPLE = 1000
# Users and all their rows, in the tables that the first migrations create.
FIRST_RELEASE = f"""
INSERT INTO users_user (id, phone, verified_at) SELECT id, '+7' || 9000000000 + id, now()
  FROM generate_series(1, {PEOPLE}) AS id;
INSERT INTO users_device (user_id, user_agent, created_at, session_id, signed_in_at, refreshed_at, refresh_jti,
                          trust_nonce)
SELECT id, 'App/1.0', now(), lpad(id::text, 32, '0')::uuid, now(), now(), gen_random_uuid(), '' FROM users_user;
INSERT INTO profiles_profile (user_id, invite_code, invitations_count)
SELECT id, translate(lpad(to_hex(id), 6, '0'), '01abcdef', 'ZYABCDEF'), (id = 1)::int * {PEOPLE - 1} FROM users_user;
INSERT INTO profiles_activation (invitee_id, inviter_id) SELECT id, 1 FROM users_user WHERE id > 1;
INSERT INTO profiles_miss (user_id) SELECT id FROM users_user;
INSERT INTO users_logincode (user_id, digits, nonce, language, challenges, wrong, created_at, sent_at, open_until,
                             expires_at)
SELECT id, 4, '', 'en', 1, 0, now(), now(), now(), now() FROM users_user;
INSERT INTO users_challenge (public_id, login_code_id, attempts, created_at)
SELECT lpad(id::text, 22, '0'), id, 0, now() FROM users_logincode;
INSERT INTO users_smsdelivery (login_code_id, channel, gateway, gateway_ref, state, address, country, prefix, error,
                               created_at)
SELECT id, 'sms', '', '', 'sent', '+7…', 'RU', '', '', now() FROM users_logincode;
"""

# A profile in the tables of the first release.
READ = """
SELECT person.phone, own.invite_code, chosen.invite_code, own.invitations_count
  FROM users_user AS person
  JOIN profiles_profile AS own ON own.user_id = person.id
  LEFT JOIN profiles_activation AS vote ON vote.invitee_id = person.id
  LEFT JOIN profiles_profile AS chosen ON chosen.user_id = vote.inviter_id
 WHERE person.id = 2
"""

LONGEST_READ = "1s"


# Indexes whose columns another one has at its beginning.
NEEDLESS = """
SELECT less.indexrelid::regclass::text
  FROM pg_index AS less JOIN pg_index AS more USING (indrelid)
 WHERE less.indexrelid <> more.indexrelid AND NOT less.indisunique AND less.indpred IS NULL AND more.indpred IS NULL
   AND starts_with(more.indkey::text || ' ', less.indkey::text || ' ')
   AND indrelid = ANY(%s::regclass[])
"""


@pytest.fixture
def empty_schema(transactional_db: None) -> Iterator[None]:
    """An empty schema beside the tables of the other tests."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA scratch")
        cursor.execute("SET search_path TO scratch")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA scratch CASCADE")
    connection.close()  # and with it the search path
    ContentType.objects.clear_cache()


def migrate(*target: str) -> None:
    call_command("migrate", *target, verbosity=0)


def shape() -> dict[str, list[Any]]:
    """Columns, constraints and indexes of the project's tables, by table."""
    queries = [
        "SELECT table_name, column_name, data_type, is_nullable, column_default, character_maximum_length"
        " FROM information_schema.columns WHERE table_schema = current_schema()",
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)"
        " FROM pg_constraint WHERE connamespace = current_schema()::regnamespace",
        "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema()",
    ]
    found: dict[str, list[Any]] = {}
    with connection.cursor() as cursor:
        for query in queries:
            cursor.execute(query)
            for table, *rest in cursor.fetchall():
                if table.startswith(("users_", "profiles_")):
                    found.setdefault(table, []).append(tuple(rest))
    return {table: sorted(rows, key=str) for table, rows in found.items()}


@pytest.mark.django_db
def test_models_have_no_change_without_a_migration() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


@pytest.mark.django_db
def test_no_index_is_a_prefix_of_another() -> None:
    tables = [model._meta.db_table for app in ("users", "profiles") for model in apps.get_app_config(app).get_models()]

    with connection.cursor() as cursor:
        cursor.execute(NEEDLESS, [tables])

        assert cursor.fetchall() == []


@pytest.mark.long
def test_migrations_can_be_reversed_to_zero_and_applied_again(empty_schema: None) -> None:
    migrate()
    made = shape()

    migrate("profiles", "zero")
    without_profiles = shape()
    migrate("users", "zero")
    nothing = shape()
    migrate()
    made_again = shape()

    assert {"users_user", "users_device", "profiles_profile", "profiles_activation"} <= made.keys()
    assert {table for table in made if table.startswith("users_")} == without_profiles.keys()
    assert nothing == {}
    assert made_again == made


@pytest.mark.long
def test_renamed_models_keep_their_tables_and_permissions(empty_schema: None) -> None:
    migrate("profiles", "0005")
    migrate("users")
    tables = shape()
    before = ContentType.objects.get(app_label="profiles", model="miss")

    migrate("profiles", "0006")
    renamed = ContentType.objects.get(app_label="profiles", model="failedactivation")
    unchanged = shape()
    migrate("profiles", "0005")

    assert renamed.pk == before.pk
    assert unchanged == shape() == tables
    assert ContentType.objects.get(app_label="profiles", model="miss").pk == before.pk


@contextmanager
def being_read() -> Iterator[list[Any]]:
    """Read the profile again and again on another connection, and collect the rows and errors."""
    parameters = connection.get_connection_params()
    way = {name: parameters[name] for name in ("host", "port", "user", "password", "dbname") if name in parameters}
    options = f"-c search_path=scratch -c statement_timeout={LONGEST_READ}"
    done = threading.Event()
    found: list[Any] = []

    def read() -> None:
        try:
            with psycopg.connect(**way, options=options, autocommit=True) as reader:
                while not done.is_set():
                    found.append(reader.execute(READ).fetchone())
        except psycopg.Error as error:
            found.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield found
    finally:
        done.set()
        thread.join()


@pytest.mark.long
def test_users_of_the_first_release_stay_readable_during_migrations(empty_schema: None) -> None:
    migrate("profiles", "0001")
    with connection.cursor() as cursor:
        for statement in FIRST_RELEASE.split(";\n"):
            cursor.execute(statement)

    with being_read() as found:
        migrate()

    assert len(found) > 10
    assert set(found) == {("+79000000002", "ZZZZZ2", "ZZZZZY", 0)}
    assert User.objects.count() == PEOPLE
    person = queries.own_profile(uuid.UUID(int=2), 2)
    chosen = queries.own_profile(uuid.UUID(int=1), 1)
    assert (person.phone, person.invite_code, person.activated_invite) == ("+79000000002", "ZZZZZ2", "ZZZZZY")
    assert (chosen.invitations_count, len(chosen.invitations)) == (PEOPLE - 1, queries.NEWEST)
