"""Published results are final also against changes that began before they were published.

The trigger of migration 0008 looks before a statement, and sees what the statement's snapshot shows. So a statement
that was under way, a row not yet committed, and a transaction with an older snapshot passed.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.db import migrations

# Who publishes has locked the row of the period. So one of the two waits for the other, and a transaction whose
# snapshot has an older row is refused. Without that row nobody publishes, and there is nothing to wait for: so no
# results are added or changed either. TRUNCATE locks the whole table.
REFUSE = """
CREATE OR REPLACE FUNCTION profiles_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM profiles_votingperiod FOR SHARE;
    IF NOT FOUND AND TG_OP <> 'TRUNCATE' AND TG_TABLE_NAME <> 'profiles_votingperiod' THEN
        RAISE EXCEPTION 'without a voting period there are no results' USING ERRCODE = 'restrict_violation';
    END IF;
    IF EXISTS (SELECT FROM profiles_votingperiod WHERE results_published_at IS NOT NULL) THEN
        RAISE EXCEPTION 'published results never change' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END
$$
"""
results: Any = import_module("profiles.migrations.0008_results")
BEFORE = results.REFUSE.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")

# That function looks once before a statement, and without the row it locks nothing. So INSERT ... ON CONFLICT DO UPDATE
# of the period could begin then, wait until the row is there and the results are published, and change it. For a row,
# PostgreSQL looks at its newest version, after the wait for whoever changes it.
REFUSE_ROW = """
CREATE FUNCTION profiles_refuse_change_of_published() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'published results never change' USING ERRCODE = 'restrict_violation';
END
$$
"""
TRIGGER = """
CREATE TRIGGER profiles_votingperiod_published BEFORE UPDATE OR DELETE ON profiles_votingperiod
   FOR EACH ROW WHEN (OLD.results_published_at IS NOT NULL) EXECUTE FUNCTION profiles_refuse_change_of_published()
"""


class Migration(migrations.Migration):
    dependencies = [("profiles", "0011_webhooks")]

    operations = [
        migrations.RunSQL(REFUSE, BEFORE),
        migrations.RunSQL(REFUSE_ROW, "DROP FUNCTION profiles_refuse_change_of_published"),
        migrations.RunSQL(TRIGGER, "DROP TRIGGER profiles_votingperiod_published ON profiles_votingperiod"),
    ]
