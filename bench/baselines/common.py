"""What the baselines share: the token key, the statement of the own profile, and the parts of its answer."""

import base64
import json
import os
from datetime import datetime

TOKEN_KEY = bytes.fromhex(os.environ.get("BASELINE_TOKEN_KEY", ""))
SITE_URL = os.environ.get("SITE_URL", "")
# PGHOST, PGUSER and PGDATABASE say where the database is, as to every client of PostgreSQL.

ISSUER = "inviting_app"
AUDIENCE = "inviting_app:api"

NEWEST = 50

# The profile of a user, if the session is live. `newest` has one row more than is shown, to tell whether there are
# older ones. `edge` is the last row that is shown.
OWN_PROFILE = f"""
SELECT owner.id, owner.phone, own.invite_code, chosen.invite_code, vote.created_at, own.invitations_count,
       newest.phones, newest.edge_at, newest.edge_id
  FROM users_device AS device
  JOIN users_user AS owner ON owner.id = device.user_id
  JOIN profiles_profile AS own ON own.user_id = owner.id
  LEFT JOIN profiles_activation AS vote ON vote.invitee_id = owner.id
  LEFT JOIN profiles_profile AS chosen ON chosen.user_id = vote.inviter_id,
       LATERAL (SELECT coalesce(array_agg(phone), '{{}}') AS phones, (array_agg(at))[{NEWEST}] AS edge_at,
                       (array_agg(id))[{NEWEST}] AS edge_id
                  FROM (SELECT voter.phone, given.created_at AS at, given.invitee_id AS id
                          FROM profiles_activation AS given JOIN users_user AS voter ON voter.id = given.invitee_id
                         WHERE given.inviter_id = device.user_id AND voter.is_active
                         ORDER BY given.created_at DESC, given.invitee_id DESC LIMIT {NEWEST + 1}) AS given) AS newest
 WHERE device.session_id = %s AND device.user_id = %s AND device.ended_at IS NULL AND owner.is_active
"""  # noqa: S608 - a constant


def ten_digits(phone: str) -> str:
    return phone.removeprefix("+7")


def share_url(invite_code: str) -> str:
    return f"{SITE_URL}/i/{invite_code}"


def older_invitations(url: str, at: datetime, invitee_id: int) -> str:
    """The URL of the page after this invitation. `url` is that of the first page."""
    cursor = json.dumps(["-created_at", False, at.isoformat(), str(invitee_id)])
    return f"{url}?cursor={base64.urlsafe_b64encode(cursor.encode()).decode().rstrip('=')}"
