"""The files of deploy/ha. `python -m bench.failover` runs them; here they are held to what they must say."""

import re
import subprocess
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

from bench.drills.evidence import Probe
from bench.failover import seen
from bench.failover.faults import FAILOVER, FAULTS
from bench.failover.recovery import documented
from bench.failover.ways import NAMES
from inviting_app.management.commands import worker
from inviting_app.ops.embedded import OPTIONS
from tests.support.proxies import installed

FILES = Path(settings.BASE_DIR, "deploy/ha")
HOSTS = {"db1": "10.0.0.11", "db2": "10.0.0.12", "db3": "10.0.0.13"}


def text(name: str) -> str:
    if not FILES.exists():
        pytest.skip("deploy/ha is not in this copy of the project")
    return (FILES / name).read_text()


@pytest.fixture
def patroni() -> Any:
    return yaml.safe_load(text("patroni.yml"))


@pytest.fixture
def pgbouncer() -> ConfigParser:
    return parsed("pgbouncer.ini")


def parsed(name: str) -> ConfigParser:
    parser = ConfigParser(comment_prefixes=(";",))
    parser.read_string(text(name))
    return parser


def test_all_files_name_the_same_hosts(patroni: Any) -> None:
    variables = dict(re.findall(r"^(ETCD_\w+)=(.*)$", text("etcd"), re.MULTILINE))

    assert variables["ETCD_INITIAL_CLUSTER"] == ",".join(f"{name}=http://{at}:2380" for name, at in HOSTS.items())
    assert variables["ETCD_NAME"] == patroni["name"] == "db1"
    assert patroni["etcd3"]["hosts"] == [f"{at}:2379" for at in HOSTS.values()]
    assert dict(re.findall(r"^ +server (\w+) (\S+):5432 check$", text("haproxy-postgres.cfg"), re.MULTILINE)) == HOSTS


def test_a_primary_without_etcd_ends_before_another_one_begins(patroni: Any) -> None:
    shared = patroni["bootstrap"]["dcs"]

    assert shared["loop_wait"] + 2 * shared["retry_timeout"] <= shared["ttl"] == 20


def test_what_is_acknowledged_is_on_two_hosts(patroni: Any) -> None:
    shared = patroni["bootstrap"]["dcs"]

    assert (shared["synchronous_mode"], shared["synchronous_node_count"]) == ("quorum", 1)
    assert shared["postgresql"]["use_pg_rewind"] and "data-checksums" in patroni["bootstrap"]["initdb"]


def test_the_log_of_the_server_has_no_phones(patroni: Any) -> None:
    parameters = patroni["bootstrap"]["dcs"]["postgresql"]["parameters"]

    for name in ("log_error_verbosity", "log_min_error_statement"):
        assert parameters[name] == OPTIONS[name]


def test_a_lost_host_does_not_fill_the_disk(patroni: Any) -> None:
    assert "max_slot_wal_keep_size" in patroni["bootstrap"]["dcs"]["postgresql"]["parameters"]


def test_every_connection_needs_a_password(patroni: Any) -> None:
    rules = [rule.split() for rule in patroni["postgresql"]["pg_hba"]]

    assert {rule[-1] for rule in rules} == {"scram-sha-256"}
    assert {rule[3] for rule in rules if rule[0] != "local"} == {"127.0.0.1/32", "10.0.0.0/24"}


def test_the_archive_follows_the_primary_and_keeps_its_place(patroni: Any) -> None:
    server = parsed("barman.conf")["inviting_app"]

    for name in ("conninfo", "streaming_conninfo"):
        assert server[name].startswith(f"host={','.join(HOSTS.values())} ")
        assert "target_session_attrs=read-write" in server[name]
    assert server["slot_name"] in patroni["bootstrap"]["dcs"]["slots"]


def test_check_of_the_archive_fails_without_a_new_copy() -> None:
    server = parsed("barman.conf")["inviting_app"]

    assert (server["minimum_redundancy"], server["last_backup_maximum_age"]) == ("1", "8 DAYS")


def test_etcdctl_finds_the_etcd_of_its_host() -> None:
    """Without --endpoints it asks this address."""
    assert re.search(r"^ETCD_LISTEN_CLIENT_URLS=.*\bhttp://127\.0\.0\.1:2379$", text("etcd"), re.MULTILINE)


def test_leader_of_etcd_is_not_read_from_a_column() -> None:
    """etcdctl of 3.6 has more columns than that of 3.4."""
    assert "endpoint status --write-out json" in text("etcd-elsewhere")


def test_recovery_follows_a_change_of_the_primary() -> None:
    """Otherwise Barman copies the log up to that change, and PostgreSQL ends with an error."""
    recover = documented("barman recover")

    assert recover[recover.index("--target-tli") + 1] == "latest"


def test_recovered_server_needs_no_file_of_a_database_host() -> None:
    """Patroni writes the places of these two into the settings, which Barman copies."""
    server = documented("/usr/lib/postgresql/18/bin/postgres")
    copy = server[server.index("-D") + 1]

    assert {f"--hba_file={copy}/pg_hba.conf", f"--ident_file={copy}/pg_ident.conf"} < set(server)


def test_haproxy_accepts_its_file() -> None:
    text("haproxy-postgres.cfg")

    checked = subprocess.run(
        [installed("haproxy"), "-c", "-f", FILES / "haproxy-postgres.cfg"], capture_output=True, text=True, timeout=60
    )

    assert checked.returncode == 0 and "WARNING" not in checked.stderr, checked.stderr


def test_haproxy_leaves_only_the_primary() -> None:
    config = text("haproxy-postgres.cfg")

    assert "uri /primary" in config and "expect status 200" in config
    assert "on-marked-down shutdown-sessions" in config


def test_pgbouncer_keeps_nobody_waiting_for_a_lost_primary(pgbouncer: ConfigParser) -> None:
    own = pgbouncer["pgbouncer"]

    assert own["server_login_retry"] == "0.5"
    assert own["server_connect_timeout"] == "2"
    assert own["query_wait_timeout"] == "5"
    assert own["pool_mode"] == "transaction"


def test_pgbouncer_goes_through_haproxy(pgbouncer: ConfigParser) -> None:
    assert pgbouncer["databases"]["inviting_app"] == "host=127.0.0.1 port=5000"
    assert "bind 127.0.0.1:5000" in text("haproxy-postgres.cfg")


def test_pgbouncer_leaves_the_options_of_a_session_to_the_role(pgbouncer: ConfigParser) -> None:
    asked = dict(
        re.findall(
            r"-c (lock_timeout|plan_cache_mode|jit|random_page_cost|client_connection_check_interval)=(\S+)",
            _session_options(),
        )
    )

    of_role = dict(re.findall(r"ALTER ROLE \w+ SET (\w+) = '?([\w.]+)'?;", text("pgbouncer.ini")))

    assert pgbouncer["pgbouncer"]["ignore_startup_parameters"] == "options"
    assert of_role == asked


def test_worker_that_starts_waits_longer_than_a_failover_takes() -> None:
    """Each start costs seconds, and SMS would wait for it when the database is back."""
    assert worker.START_SECONDS > 2 * FAILOVER


@pytest.mark.parametrize(("began", "ended", "untrue"), [(4.0, 4.1, 1), (4.0, 19.9, 0), (1.0, 1.1, 0)])
def test_drill_judges_an_answer_of_readyz_by_when_it_was_given(began: float, ended: float, untrue: int) -> None:
    """No write succeeds from 0 to 20 s. One that was asked meanwhile and waited until writes were back is true."""
    assert seen.untrue_probes([Probe(began, ended, 200)], [(0.0, 20.0)]) == untrue


@pytest.mark.parametrize("fault", FAULTS)
def test_the_page_has_a_row_for_each_fault_on_each_way(fault: str) -> None:
    page = Path(settings.BASE_DIR, "docs/failures.md").read_text()

    assert [page.count(f"\n| {FAULTS[fault].name}, {way} |") for way in NAMES.values()] == [1] * len(NAMES)


def _session_options() -> str:
    return str(settings.DATABASES["default"]["OPTIONS"]["options"])
