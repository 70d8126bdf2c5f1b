"""Django's settings for the database. Part of `settings`."""

from typing import Any

from inviting_app import env
from inviting_app.ops import roles
from inviting_app.ops.embedded import Embedded

# Whether the service starts its own PostgreSQL, because DATABASE_URL is not set.
EMBEDDED_POSTGRES = env.DATABASE is None
# A lock that is not granted within 2 s is a 503, not a hanging request. The server keeps the locks of a silent client
# for ten seconds, not for the two hours of its default.
_SESSION = "-c lock_timeout=2s -c tcp_user_timeout=10s"
_SESSION += " -c tcp_keepalives_idle=4 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3"
# A statement that `users.deadline` has given up ends in the server too. Otherwise it would go on, and repeated slow
# statements would take all connections.
_SESSION += " -c client_connection_check_interval=1s"
# Prepared statements keep their plans. PostgreSQL alone would plan two of a sign-up anew every time, and compile one
# for large tables (docs/speed.md). tests/ops/test_plans.py holds every statement to a good plan of this kind.
_SESSION += " -c plan_cache_mode=force_generic_plan -c jit=off"
# The usual value for SSDs. With the default of 4, for disks that turn, a plan made before a new table has statistics
# reads all of it, and is kept while a crowd fills the table. tests/users/test_new_tables.py holds plans to that.
_SESSION += " -c random_page_cost=1.1"
# What the driver and the rules rely on. A role, a database or the URL may say otherwise. psycopg reads times and
# intervals in these styles alone, and a statement that has waited for a lock must see what was committed meanwhile.
_NEEDED = "-c DateStyle=ISO -c IntervalStyle=postgres -c extra_float_digits=1 -c standard_conforming_strings=on"
_NEEDED += r" -c default_transaction_isolation=read\ committed"
# A silent server is a 503 too. The keepalives close an idle connection to it before the next request uses it. They see
# a host that is gone; `users.deadline` sees a server that hangs. libpq waits two seconds for a connection at least.
_DATABASE_OPTIONS = {
    "tcp_user_timeout": 5000,
    "keepalives_idle": 4,
    "keepalives_interval": 2,
    "keepalives_count": 2,
}


def _database(where: dict[str, Any]) -> dict[str, Any]:
    # The server binds and prepares statements. Of options with the same name, the last one counts.
    session = f"{_SESSION} {where['OPTIONS'].get('options', '')} {_NEEDED}"
    options = _DATABASE_OPTIONS | where["OPTIONS"] | {"server_side_binding": True, "options": session}
    # With several hosts there is time to ask two of them.
    options.setdefault("connect_timeout", 2 if "," in where.get("HOST", "") else 4)
    own = {"ENGINE": "inviting_app.database", "CONN_MAX_AGE": None, "OPTIONS": options}
    # A PgBouncer may run each statement on another connection, also one that reads from a cursor. Processes give their
    # cursors the same names, so a user would read the rows of another one.
    return {**where, **own, "DISABLE_SERVER_SIDE_CURSORS": True}


def _standby(where: dict[str, Any]) -> dict[str, Any]:
    # The primary can be read instead, so a standby that is silent gets the shortest time that libpq has.
    return _database({**where, "OPTIONS": {"connect_timeout": 2} | where["OPTIONS"]})


_service, _owner = env.DATABASE, env.OWNER_DATABASE
if _service is None:
    _embedded = Embedded(env.DATA_DIR)
    _service, _owner = _embedded.settings(roles.SERVICE), _embedded.settings(roles.OWNER)
DATABASES = {"default": _database(_service)}
# The alias of the connections that must not go through a PgBouncer, such as the worker's for LISTEN.
DIRECT_DATABASE = "default"
if env.WORKER_DATABASE and env.WORKER_DATABASE != env.DATABASE:
    DIRECT_DATABASE = "direct"
    DATABASES["direct"] = {**_database(env.WORKER_DATABASE), "TEST": {"MIRROR": "default"}}
# The alias of the connections that may do more than read and change rows: of `migrate`, `backup` and `restore`.
OWNER_DATABASE = DIRECT_DATABASE
if _owner:
    OWNER_DATABASE = "owner"
    DATABASES["owner"] = {**_database(_owner), "TEST": {"MIRROR": "default"}}
# The alias of the standby that lists and reports may be read from, or None.
REPLICA_DATABASE = None
DATABASE_ROUTERS: list[str] = []
if env.REPLICA_DATABASE:
    REPLICA_DATABASE, DATABASE_ROUTERS = "replica", ["users.replica.Router"]
    DATABASES["replica"] = {**_standby(env.REPLICA_DATABASE), "TEST": {"MIRROR": "default"}}
