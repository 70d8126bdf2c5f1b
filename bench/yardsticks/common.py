"""What all yardsticks share: where the database and the key are, the one statement, and how answers are written."""

from __future__ import annotations

import base64
import json
import os
from datetime import datetime

TOKEN_KEY = bytes.fromhex(os.environ.get("YARDSTICK_TOKEN_KEY", ""))
SITE_URL = os.environ.get("SITE_URL", "")
# PGHOST, PGUSER and PGDATABASE say where the database is, as to every client of PostgreSQL.

ISSUER = "inviting_app"
AUDIENCE = "inviting_app:api"

NEWEST = 50

# The profile of a person ($2) who is let in by this session ($1): no row, no entry. `newest` has one more than is
# shown, so that it is known whether there are older ones; `edge` is the last that is shown.
OWN_PROFILE = f"""
SELECT person.id, person.phone, own.invite_code, chosen.invite_code, vote.created_at, own.invitations_count,
       newest.phones, newest.edge_at, newest.edge_id
  FROM users_device AS device
  JOIN users_user AS person ON person.id = device.user_id
  JOIN profiles_profile AS own ON own.user_id = person.id
  LEFT JOIN profiles_activation AS vote ON vote.invitee_id = person.id
  LEFT JOIN profiles_profile AS chosen ON chosen.user_id = vote.inviter_id,
       LATERAL (SELECT coalesce(array_agg(phone), '{{}}') AS phones, (array_agg(at))[{NEWEST}] AS edge_at,
                       (array_agg(id))[{NEWEST}] AS edge_id
                  FROM (SELECT voter.phone, given.created_at AS at, given.invitee_id AS id
                          FROM profiles_activation AS given JOIN users_user AS voter ON voter.id = given.invitee_id
                         WHERE given.inviter_id = device.user_id AND voter.is_active
                         ORDER BY given.created_at DESC, given.invitee_id DESC LIMIT {NEWEST + 1}) AS given) AS newest
 WHERE device.session_id = $1 AND device.user_id = $2 AND device.ended_at IS NULL AND person.is_active
"""  # noqa: S608 - a constant


def ten_digits(phone: str) -> str:
    return phone.removeprefix("+7")


def share_url(invite_code: str) -> str:
    return f"{SITE_URL}/i/{invite_code}"


def older_invitations(url: str, at: datetime, invitee_id: int) -> str:
    """The address of the page after this invitation; `url` is that of the first."""
    cursor = json.dumps(["-created_at", False, at.isoformat(), str(invitee_id)])
    return f"{url}?cursor={base64.urlsafe_b64encode(cursor.encode()).decode().rstrip('=')}"
