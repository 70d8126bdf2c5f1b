"""Those statements of the bare writes that the service runs through the ORM. They read and write the same rows."""

LOCK_BY_PHONE = "SELECT *, clock_timestamp() FROM users_user WHERE phone = %s FOR NO KEY UPDATE"
LOCK_BY_ID = "SELECT id, verified_at, clock_timestamp() FROM users_user WHERE id = %s FOR NO KEY UPDATE"
ANNOUNCE_SMS = "NOTIFY inviting_app_sms"
FIND_SESSION = """
SELECT device.*, owner.*, clock_timestamp()
  FROM users_device AS device JOIN users_user AS owner ON owner.id = device.user_id AND owner.is_active
 WHERE device.session_id = %s AND device.user_id = %s AND device.ended_at IS NULL
"""
