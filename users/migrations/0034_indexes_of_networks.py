"""Indexes for the limits by network that begin with the network, and not with the address.

A sign-up from an IPv6 network then reads recent requests, and not those of 30 days. Sign-ups go on while the indexes are
built. The indexes that begin with the address stay for the version before. The next version may drop them.
"""

from __future__ import annotations

from django.db import migrations, models

NETWORK = "network(set_masklen({0}, CASE family({0}) WHEN 4 THEN 32 ELSE 48 END))"


def build(name: str, model: str, field: str, column: str) -> migrations.SeparateDatabaseAndState:
    """An index, built anew if an earlier try was broken off and left an invalid one."""
    drop = f"DROP INDEX CONCURRENTLY IF EXISTS {name}"
    create = f"CREATE INDEX CONCURRENTLY {name} ON users_{model} (({NETWORK.format(column)}), created_at)"
    network = models.Func(
        models.F(field), template=NETWORK.format("%(expressions)s"), output_field=models.GenericIPAddressField()
    )
    index = models.Index(network, "created_at", name=name)
    return migrations.SeparateDatabaseAndState(
        [migrations.RunSQL([drop, create], [drop])], [migrations.AddIndex(model, index)]
    )


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("users", "0033_last_active")]

    operations = [
        # It waits for every transaction that is open, a backup's too, and blocks nobody meanwhile. On the way back, the
        # last of these operations is the first.
        migrations.RunSQL("SET lock_timeout = 0", "SET lock_timeout = '2s'"),
        build("users_challenge_of_network", "challenge", "address", "address"),
        build("users_smsdelivery_of_network", "smsdelivery", "client_address", "asked_from"),
        migrations.RunSQL("SET lock_timeout = '2s'", "SET lock_timeout = 0"),
    ]
