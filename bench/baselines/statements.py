"""Those statements of the bare writes that the service runs through the ORM. They read and write the same rows."""

LOCK_BY_PHONE = "SELECT *, clock_timestamp() FROM users_user WHERE phone = %s FOR NO KEY UPDATE"
LOCK_BY_ID = "SELECT id, verified_at, clock_timestamp() FROM users_user WHERE id = %s FOR NO KEY UPDATE"
INSERT_USER = """
INSERT INTO users_user (phone) VALUES (%s) ON CONFLICT (phone) DO NOTHING
RETURNING id, clock_timestamp(), ARRAY(SELECT erased.id FROM users_user AS erased WHERE erased.erased_trace = %s)
"""
SENT_CODES = """
SELECT code.*, delivery.created_at
  FROM users_logincode AS code JOIN users_smsdelivery AS delivery ON delivery.login_code_id = code.id
 WHERE code.user_id = %(user)s
   AND (code.created_at > %(now)s - interval '25 h' AND delivery.created_at > %(now)s - interval '24 h'
        OR code.closed_at IS NULL)
 ORDER BY delivery.created_at
"""
INSERT_CODE = """
INSERT INTO users_logincode (user_id, device_id, digits, nonce, language, challenges, wrong, created_at, sent_at,
                             open_until, expires_at)
VALUES (%(user)s, NULL, 4, %(nonce)s, 'en', 1, 0, %(now)s, %(now)s, %(until)s, %(until)s) RETURNING id
"""
INSERT_CHALLENGE = """
INSERT INTO users_challenge (public_id, login_code_id, address, attempts, created_at)
VALUES (%s, %s, %s, 0, %s) RETURNING id
"""
INSERT_DELIVERY = """
INSERT INTO users_smsdelivery (login_code_id, channel, gateway, gateway_ref, state, address, country, prefix, error,
                               asked_from, created_at)
VALUES (%(code)s, 'sms', '', '', 'queued', %(masked)s, 'RU', %(prefix)s, '', %(address)s, %(now)s) RETURNING id
"""
DEFER_JOB = """
SELECT unnest(procrastinate_defer_jobs_v1(ARRAY[
    ROW('sms', 'users.tasks.send_sms', 0, NULL, NULL, jsonb_build_object('delivery_id', %s::bigint), NULL)
    ::procrastinate_job_to_defer_v1]))
"""
FIND_CHALLENGE = """
SELECT challenge.*, code.*, owner.phone, challenge.id, code.id, code.user_id
  FROM users_challenge AS challenge
  JOIN users_logincode AS code ON code.id = challenge.login_code_id
  JOIN users_user AS owner ON owner.id = code.user_id
 WHERE challenge.public_id = %s
"""
INSERT_DEVICE = """
INSERT INTO users_device (user_id, user_agent, created_at, session_id, signed_in_at, refreshed_at, refresh_jti,
                          trust_nonce, trust_hash, trusted_until)
VALUES (%(user)s, %(agent)s, %(now)s, %(session)s, %(now)s, %(now)s, %(jti)s, %(nonce)s, %(hash)s,
        %(now)s + interval '180 d') RETURNING id
"""
FIND_SESSION = """
SELECT device.*, owner.*, clock_timestamp()
  FROM users_device AS device JOIN users_user AS owner ON owner.id = device.user_id AND owner.is_active
 WHERE device.session_id = %s AND device.user_id = %s AND device.ended_at IS NULL
"""
