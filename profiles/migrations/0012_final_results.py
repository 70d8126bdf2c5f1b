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
# results either.
REFUSE = """
CREATE OR REPLACE FUNCTION profiles_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM profiles_votingperiod FOR SHARE;
    IF NOT FOUND AND TG_OP = 'INSERT' AND TG_TABLE_NAME <> 'profiles_votingperiod' THEN
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


class Migration(migrations.Migration):
    dependencies = [("profiles", "0011_webhooks")]

    operations = [migrations.RunSQL(REFUSE, BEFORE)]
