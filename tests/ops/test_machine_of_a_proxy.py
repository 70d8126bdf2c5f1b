"""What docs/operations.md tells to set on the machine of a proxy: firewall rules, and a setting of Linux."""

import re

from django.conf import settings

from tests.support.own_network import run_in_own_network
from tests.support.proxies import installed

PAGE = (settings.BASE_DIR / "docs" / "operations.md").read_text()
# Linux lets a network of its own have these settings, but not the size of the table.
OF_CONNECTIONS = re.findall(r"^echo net\.netfilter\.(nf_conntrack_tcp_\w+)=(\d+) >", PAGE, re.MULTILINE)
RULES = "\n".join(
    [f"echo {value} > /proc/sys/net/netfilter/{name}" for name, value in OF_CONNECTIONS]
    + [f"sh {settings.BASE_DIR / 'deploy' / 'firewall.sh'} {proxy}" for proxy in ("caddy", "nginx")]
)
KB = 1024
# One that any Linux with iptables takes, if it has the two modules.
RULE = (
    "iptables -A INPUT -p tcp -m connlimit --connlimit-above 9 -m hashlimit --hashlimit-above 9kb/s --hashlimit-name x"
)


def test_firewall_bounds_connections_and_bytes_of_a_client_and_keeps_nobody_else_waiting() -> None:
    found = [tuple(map(int, line.split())) for line in run_in_own_network("tests.support.firewall", RULES, needs=RULE)]

    assert [connections for connections, _, _ in found] == [100, 100, 300]
    for (_, received, slowest), most in zip(found, (128 * KB, 128 * KB, 256 * KB), strict=True):
        assert most / 10 < received < 2 * most  # a busy machine sends less
        assert slowest < 5000


def test_networks_of_one_client_leave_room_for_others_in_the_table_of_the_firewall() -> None:
    """By default it has 65,536 places, as many as a /48 has /64s. The packets of others are dropped when it is full."""
    [line] = run_in_own_network("tests.support.networks_of_a_client", RULES, needs=RULE)
    places, closed, milliseconds = map(int, line.split())

    assert places > 2**15  # on a busy machine, Linux has forgotten some of them
    assert closed < 2**12  # of the connections that its rules let through
    assert milliseconds < 5000


def test_connection_that_ends_ahead_of_its_time_does_not_live_on_uncounted() -> None:
    """Linux takes it for closed. One address got as many connections as it wanted."""
    [line] = run_in_own_network("tests.support.early_ends", RULES, needs=RULE)
    ended, others, unheard, unknown = map(int, line.split())

    assert len(OF_CONNECTIONS) == 2
    assert (ended <= 3, others, unheard, unknown) == (True, 20, 0, 1)


def test_table_of_connections_has_room_for_more_than_one_client_opens() -> None:
    """By default, 65,536 places for two minutes each. One client got 16,000 connections a second."""
    places, seconds = (
        int(re.findall(rf"^echo net\.netfilter\.nf_conntrack_{name}=(\d+) >", PAGE, re.MULTILINE)[0])
        for name in ("max", "tcp_timeout_time_wait")
    )

    assert places / seconds > 20_000


def test_requests_do_not_use_up_the_ports_of_nginx() -> None:
    installed("nginx")
    advised = re.findall(r"^echo (net\.ipv4\.\S+) > /etc/sysctl\.d/", PAGE, re.MULTILINE)

    [by_default], [as_advised] = (run_in_own_network("tests.support.ports_of_nginx", *each) for each in ((), advised))

    assert by_default.endswith(" 503")  # otherwise the advice is of no use any more
    assert as_advised.endswith(" 503 200")
