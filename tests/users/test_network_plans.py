"""A sign-up reads what its networks asked for lately, however much is kept of them."""

import pytest
from django.db import connection

from tests.support import query_plans as plans
from tests.support.login_steps import ask, someone
from users import widest_network
from users.login import networks

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unreachable_gateway")]
KEPT = 30_000

# Sign-ins of a month from a /48, each from a /64 of its own.
_FILL = """
INSERT INTO users_user (phone) SELECT '+7' || (9100000000 + n) FROM generate_series(1, %(kept)s) AS n;
INSERT INTO users_logincode (user_id, digits, nonce, language, created_at, sent_at, open_until, expires_at, closed_at,
                             used_at, challenges, wrong)
SELECT id, 4, '\\x00', 'en', at, at, at, at, at, CASE WHEN id %% 20 <> 0 THEN at END, 1, 0
  FROM (SELECT id, now() - (2 + id %% 28) * interval '1 day' AS at FROM users_user) AS asked;
INSERT INTO users_challenge (public_id, login_code_id, address, attempts, created_at)
SELECT id, id, ('2001:db8:1:' || to_hex(id %% 65536) || '::1')::inet, 1, created_at
  FROM users_logincode;
INSERT INTO users_smsdelivery (login_code_id, channel, state, address, country, prefix, gateway, gateway_ref, error,
                               asked_from, created_at)
SELECT login_code_id, 'sms', 'sent', '', 'RU', '', '', '', '', address, created_at FROM users_challenge;
ANALYZE users_challenge, users_smsdelivery, users_logincode, users_user
"""


@pytest.mark.parametrize("address", ["203.0.113.9", "2001:db8:1:2:3::4"])
def test_indexes_have_the_widest_networks(address: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT ({widest_network.of('%(address)s::inet')})::text", {"address": address})
        assert cursor.fetchone() == (str(networks.containing(address)[0].addresses),)


def test_old_requests_of_a_48_are_not_read() -> None:
    with connection.cursor() as cursor:
        for statement in _FILL.split(";"):
            cursor.execute(statement, {"kept": KEPT})

    with plans.read("force_generic_plan") as readings:
        ask(phone=someone(1), address="2001:db8:1:5::1")

    read = {one.pages for one in readings if "sms.hour, sms.recent, sms.pending" in one.statement}
    assert read
    assert max(read) < 100  # pages; with indexes that begin with the address, several hundred
