"""The service's role changes rows and nothing else; the owner's owns the tables; neither is a superuser."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from psycopg import sql
from psycopg.conninfo import make_conninfo

from inviting_app.management.commands import create_roles
from inviting_app.ops import roles
from inviting_app.ops.embedded import DATABASE, SCHEMA, SUPERUSER, Embedded, EmbeddedError
from tests.support.service import Service, prepared_folder

pytestmark = pytest.mark.skipif(not settings.EMBEDDED_POSTGRES, reason="the roles of another server are its owner's")

# What a hole in the service would be used for.
FORBIDDEN = """
CREATE TABLE mine ()
CREATE TEMPORARY TABLE mine ()
CREATE SCHEMA mine
CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'
CREATE FUNCTION pg_temp.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'
CREATE TRIGGER mine BEFORE INSERT ON users_user EXECUTE FUNCTION suppress_redundant_updates_trigger()
CREATE EXTENSION hstore
CREATE ROLE mine
CREATE DATABASE mine
TRUNCATE users_user
TRUNCATE procrastinate_jobs
ALTER TABLE users_user ADD COLUMN mine int
DROP TABLE users_user
DROP FUNCTION procrastinate_cancel_job_v1
UPDATE django_migrations SET name = name
DELETE FROM django_migrations
DELETE FROM django_content_type
DELETE FROM auth_permission
SELECT setval('procrastinate_jobs_id_seq', 1)
SELECT rolpassword FROM pg_authid
SELECT pg_read_file('PG_VERSION')
SELECT pg_ls_dir('.')
SELECT lo_export(1, '/tmp/mine')
SELECT lo_creat(-1)
SELECT lo_create(0)
SELECT lo_from_bytea(0, 'mine')
COPY users_user TO '/tmp/mine'
COPY users_user TO PROGRAM 'true'
ALTER SYSTEM SET log_statement = 'all'
ALTER DATABASE inviting_app SET search_path = mine
SET ROLE inviting_app_owner
SET ROLE postgres
SET SESSION AUTHORIZATION postgres
SET session_replication_role = replica
SELECT pg_reload_conf()
"""


@contextmanager
def session(at: dict[str, Any], role: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(**{**at, "user": role}, autocommit=True) as opened:
        yield opened


def test_web_and_worker_connect_as_the_service_only(service: Service) -> None:
    service.sign_in("9991110501")

    with session(service.database, SUPERUSER) as superuser:
        found = superuser.execute(
            "SELECT DISTINCT usename FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> %s",
            [superuser.info.backend_pid],
        )
        assert found.fetchall() == [(roles.SERVICE,)]


@pytest.mark.parametrize("statement", FORBIDDEN.strip().splitlines())
def test_service_may_only_read_and_change_rows(service: Service, statement: str) -> None:
    refused = (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidSchemaName)
    with session(service.database, roles.SERVICE) as hole, pytest.raises(refused):
        hole.execute(statement)  # type: ignore[call-overload]


@pytest.mark.parametrize("database", ["postgres", "template1"])
def test_service_does_not_get_into_other_databases(service: Service, database: str) -> None:
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(**{**service.database, "user": roles.SERVICE, "dbname": database})


@pytest.mark.parametrize("role", [roles.OWNER, roles.SERVICE])
def test_role_has_no_attribute_and_is_a_member_of_nothing(service: Service, role: str) -> None:
    with session(service.database, role) as hole:
        attributes = "rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls"
        found = hole.execute(f"SELECT {attributes} FROM pg_roles WHERE rolname = current_user").fetchone()
        member_of = hole.execute("SELECT count(*) FROM pg_auth_members WHERE member = current_user::regrole").fetchone()

    assert (found, member_of) == ((False,) * 5, (0,))


OWNED_BY_OTHERS = """
SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relowner <> %(owner)s::regrole
UNION ALL
SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proowner <> %(owner)s::regrole
UNION ALL
SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typowner <> %(owner)s::regrole
UNION ALL
SELECT nspname FROM pg_namespace WHERE nspname = 'public' AND nspowner <> %(owner)s::regrole
"""
# A few kinds of objects that the service does not have, as somebody may have added them.
MORE = """
CREATE VIEW "odd "" name" AS SELECT 1;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM users_user;
CREATE SEQUENCE alone;
CREATE TYPE pair AS (a int, b int);
CREATE DOMAIN short AS text CHECK (length(value) < 9);
CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int);
CREATE PROCEDURE nothing(int) LANGUAGE sql AS 'SELECT 1';
"""


def test_database_without_its_schema_is_reported_in_one_line() -> None:
    """What a hostile backup may leave."""
    with prepared_folder() as folder:
        postgres = Embedded(folder / "data")
        with (
            postgres.running(),
            session({"host": str(postgres.places.socket_dir), "dbname": DATABASE}, roles.OWNER) as owner,
        ):
            owner.execute("DROP SCHEMA public CASCADE")

        refused = pytest.raises(
            EmbeddedError, match=r'^The database cannot be prepared: schema "public" does not exist$'
        )
        with refused, postgres.running():
            pass


class Interrupted(Exception):
    """The process was killed."""


class Breaking:
    """A session that ends after so many statements."""

    def __init__(self, session: psycopg.Connection[Any], left: int) -> None:
        self.session, self.left = session, left

    def execute(self, *statement: Any) -> Any:
        if not self.left:
            self.session.close()
            raise Interrupted
        self.left -= 1
        return self.session.execute(*statement)


@pytest.fixture
def old_cluster() -> Iterator[dict[str, Any]]:
    """Where a cluster of a version before is: all of it belongs to the superuser."""
    with prepared_folder() as folder:
        postgres = Embedded(folder / "data")
        with postgres.running():
            at = {"host": str(postgres.places.socket_dir), "dbname": DATABASE}
            with session(at, SUPERUSER) as superuser:
                superuser.execute(f"REASSIGN OWNED BY {roles.OWNER} TO {SUPERUSER}")  # type: ignore[arg-type]
                for role in (roles.OWNER, roles.SERVICE):
                    superuser.execute(f"DROP OWNED BY {role}")  # type: ignore[arg-type]
                    superuser.execute(f"DROP ROLE {role}")  # type: ignore[arg-type]
                superuser.execute(f"GRANT TEMPORARY ON DATABASE {DATABASE} TO PUBLIC")  # type: ignore[arg-type]
                superuser.execute(MORE)
            yield at


def test_cluster_of_a_version_before_is_handed_over_however_often_that_is_interrupted(
    old_cluster: dict[str, Any],
) -> None:
    for statements in (1, 3, 5, 8, 20, 60):
        with session(old_cluster, SUPERUSER) as superuser, pytest.raises(Interrupted):
            roles.separate(Breaking(superuser, statements), SCHEMA)  # type: ignore[arg-type]
    with session(old_cluster, SUPERUSER) as superuser:
        roles.separate(superuser, SCHEMA)
        assert superuser.execute(OWNED_BY_OTHERS, {"owner": roles.OWNER}).fetchall() == []
        again = Breaking(superuser, 100)
        roles.separate(again, SCHEMA)  # type: ignore[arg-type]

    assert 100 - again.left < 12  # it only looks
    with session(old_cluster, roles.SERVICE) as service:
        service.execute("INSERT INTO users_user (phone) VALUES ('+79991110001')")
        service.execute("DELETE FROM users_user")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            service.execute("CREATE TEMPORARY TABLE mine ()")


def test_objects_of_the_schema_cannot_deceive_the_superuser(old_cluster: dict[str, Any]) -> None:
    """The owner made functions and operators of the names that the hand-over uses."""
    with session(old_cluster, SUPERUSER) as superuser:
        roles.separate(superuser, SCHEMA)
    with session(old_cluster, roles.OWNER) as owner:
        owner.execute("CREATE TABLE caught AS SELECT current_user AS who")
        body = "BEGIN INSERT INTO public.caught VALUES (current_user); RETURN 'SELECT 1'; END"
        for name in ("format(text, name, text)", "format(text, text, text)", "format(text, name, name)"):
            create = sql.SQL("CREATE FUNCTION public.{} RETURNS text LANGUAGE plpgsql AS {}")
            owner.execute(create.format(sql.SQL(name), sql.Literal(body)))  # type: ignore[arg-type]
        with session(old_cluster, SUPERUSER) as superuser:
            superuser.execute("CREATE TABLE public.of_the_superuser ()")
            roles.separate(superuser, SCHEMA)

        assert owner.execute("SELECT count(*) FROM caught").fetchone() == (1,)


def test_owner_of_the_database_cannot_deceive_create_roles(
    old_cluster: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner made a function that stands for one of the system's, also in sessions of the superuser."""
    with session(old_cluster, SUPERUSER) as superuser:
        roles.separate(superuser, SCHEMA)
        superuser.execute(f"ALTER DATABASE {DATABASE} OWNER TO {roles.OWNER}")  # type: ignore[arg-type]
    with session(old_cluster, roles.OWNER) as owner:
        owner.execute(f"ALTER DATABASE {DATABASE} SET search_path = public, pg_catalog")  # type: ignore[arg-type]
        owner.execute("CREATE FUNCTION current_schema() RETURNS name LANGUAGE plpgsql AS 'BEGIN RAISE ''called''; END'")
    named = {"default": {"USER": roles.SERVICE}, "owner": {"USER": roles.OWNER}}
    given = SimpleNamespace(EMBEDDED_POSTGRES=False, OWNER_DATABASE="owner", DATABASES=named)
    monkeypatch.setattr(create_roles, "settings", given)

    call_command("create_roles", make_conninfo(**old_cluster, user=SUPERUSER))
