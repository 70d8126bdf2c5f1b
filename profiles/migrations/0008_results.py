"""Results of a vote: a snapshot that never changes, a receipt for each vote, and the nonces of the receipts.

PostgreSQL makes the nonces, so votes that the version before takes, while it runs beside this one, have them too. Votes
from before this migration get theirs when results are published: a default in ADD COLUMN would rewrite the table.
"""

from __future__ import annotations

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models
from django.db.models import F, Q

from profiles.models import NewNonce

NONCE = "substr(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 1, 16)"

# A trigger of a statement is called for TRUNCATE too. It sees the state before the statement, so publishing itself passes.
REFUSE = """
CREATE FUNCTION profiles_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM profiles_votingperiod WHERE results_published_at IS NOT NULL) THEN
        RAISE EXCEPTION 'published results never change' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END
$$
"""
TABLES = ("profiles_votingperiod", "profiles_result", "profiles_receipt")


def trigger(table: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"CREATE TRIGGER {table}_final BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION profiles_refuse_change()",
        f"DROP TRIGGER {table}_final ON {table}",
    )


class Migration(migrations.Migration):
    dependencies = [("profiles", "0007_voting_period")]

    operations = [
        migrations.SeparateDatabaseAndState(
            [
                migrations.RunSQL(
                    [
                        "ALTER TABLE profiles_activation ADD COLUMN nonce bytea, ADD COLUMN receipt bytea",
                        f"ALTER TABLE profiles_activation ALTER COLUMN nonce SET DEFAULT {NONCE}",
                    ],
                    ["ALTER TABLE profiles_activation DROP COLUMN nonce, DROP COLUMN receipt"],
                )
            ],
            [
                migrations.AddField("activation", "nonce", models.BinaryField(null=True, db_default=NewNonce())),
                migrations.AddField("activation", "receipt", models.BinaryField(null=True)),
            ],
        ),
        migrations.AddField(
            "votingperiod", "results_published_at", models.DateTimeField("results published", null=True)
        ),
        migrations.AddField(
            "votingperiod", "results_period", models.CharField(max_length=64, db_default="", default="")
        ),
        migrations.AddField(
            "votingperiod",
            "results_sha256",
            models.CharField("SHA-256 of the file", max_length=64, db_default="", default=""),
        ),
        AddConstraintNotValid(
            "votingperiod",
            models.CheckConstraint(
                name="profiles_votingperiod_published",
                condition=Q(results_published_at=None)
                | Q(
                    closes_at__isnull=False,
                    closes_at__lte=F("results_published_at"),
                    results_sha256__regex="^[0-9a-f]{64}$",
                ),
            ),
        ),
        migrations.CreateModel(
            name="Result",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("place", models.PositiveIntegerField("place")),
                ("invite_code", models.CharField("invite code", max_length=6, db_collation="C")),
                ("votes", models.PositiveIntegerField("votes")),
            ],
            options={
                "verbose_name": "result",
                "verbose_name_plural": "results",
                "default_permissions": ("view",),
                "indexes": [models.Index(fields=["place", "id"], name="profiles_result_place")],
                "constraints": [models.UniqueConstraint(fields=["invite_code"], name="profiles_result_invite_code")],
            },
        ),
        migrations.CreateModel(
            name="Receipt",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "invite_code", "receipt", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("invite_code", models.CharField(max_length=6, db_collation="C")),
                ("receipt", models.BinaryField()),
            ],
            options={"default_permissions": ()},
        ),
        migrations.RunSQL(REFUSE, "DROP FUNCTION profiles_refuse_change"),
        *map(trigger, TABLES),
    ]
