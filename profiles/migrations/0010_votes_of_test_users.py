"""A trigger that refuses a vote between a test user and another. Neither side's `is_test` ever changes."""

from __future__ import annotations

from django.db import migrations

REFUSE = """
CREATE FUNCTION profiles_refuse_mixed_vote() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT is_test FROM users_user WHERE id = NEW.invitee_id)
       <> (SELECT is_test FROM users_user WHERE id = NEW.inviter_id) THEN
        RAISE EXCEPTION 'test users vote only for each other'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'profiles_activation_not_mixed';
    END IF;
    RETURN NEW;
END
$$
"""
TRIGGER = """
CREATE TRIGGER profiles_activation_not_mixed BEFORE INSERT OR UPDATE OF invitee_id, inviter_id ON profiles_activation
   FOR EACH ROW EXECUTE FUNCTION profiles_refuse_mixed_vote()
"""


class Migration(migrations.Migration):
    dependencies = [("profiles", "0009_roles"), ("users", "0025_test_users")]

    operations = [
        migrations.RunSQL(REFUSE, "DROP FUNCTION profiles_refuse_mixed_vote"),
        migrations.RunSQL(TRIGGER, "DROP TRIGGER profiles_activation_not_mixed ON profiles_activation"),
    ]
