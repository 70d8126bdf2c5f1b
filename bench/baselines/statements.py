"""The statements of the bare writes. They read and write the same rows as the service in its usual case.

A sign-up of a new phone sends eleven statements, a login seven, an activation five.
"""

LOCK_BY_PHONE = "SELECT *, clock_timestamp() FROM users_user WHERE phone = %s FOR NO KEY UPDATE"
LOCK_BY_ID = "SELECT id, verified_at, clock_timestamp() FROM users_user WHERE id = %s FOR NO KEY UPDATE"
INSERT_USER = """
INSERT INTO users_user (phone) VALUES (%s) ON CONFLICT (phone) DO NOTHING
RETURNING id, clock_timestamp(), ARRAY(SELECT erased.id FROM users_user AS erased WHERE erased.erased_trace = %s)
"""
INSERT_PROFILE = """
INSERT INTO profiles_profile (user_id, invite_code) VALUES (%s, %s) ON CONFLICT (invite_code) DO NOTHING
RETURNING user_id
"""
RECENT_SENDS = """
SELECT code.*, delivery.created_at
  FROM users_logincode AS code JOIN users_smsdelivery AS delivery ON delivery.login_code_id = code.id
 WHERE code.user_id = %(user)s
   AND (code.created_at > %(now)s - interval '25 h' AND delivery.created_at > %(now)s - interval '24 h'
        OR code.closed_at IS NULL)
 ORDER BY delivery.created_at
"""
RISK_WEIGHTS = """
WITH valid AS (
    SELECT 3 * challenges AS weight FROM users_logincode
     WHERE digits = 4 AND device_id IS NULL AND expires_at > %(now)s ORDER BY expires_at DESC LIMIT 498
), guessed AS (
    SELECT wrong AS weight FROM users_logincode
     WHERE digits = 4 AND device_id IS NULL AND wrong > 0
       AND expires_at > %(now)s - interval '24 h' AND expires_at <= %(now)s
     ORDER BY expires_at DESC LIMIT 498
)
SELECT coalesce(sum(weight) FILTER (WHERE expires_at > %(now)s - interval '24 h'), 0), coalesce(sum(weight), 0),
       (SELECT coalesce(sum(weight), 0) <= greatest(497, (SELECT floor(0.03 * people_a_day) FROM users_sitetotals))
          FROM (TABLE valid UNION ALL TABLE guessed) AS code),
       (SELECT coalesce(sum(challenges), 0) FROM users_logincode
         WHERE user_id = %(user)s AND device_id IS NULL AND digits = 10
           AND expires_at > %(now)s - interval '24 h' AND created_at > %(now)s - interval '48 h')
  FROM (SELECT expires_at, CASE WHEN expires_at > %(now)s THEN 3 * challenges ELSE wrong END AS weight
          FROM users_logincode
         WHERE user_id = %(user)s AND device_id IS NULL AND digits = 4
           AND expires_at > %(now)s - interval '30 d' AND created_at > %(now)s - interval '31 d') AS code
"""
LOCK_ADDRESS = "SELECT pg_advisory_xact_lock(hashtextextended('bench', hashtext(%s)))"
SMS_COSTS = """
SELECT (SELECT created_at
          FROM (SELECT created_at FROM users_smsdelivery
                 WHERE asked_from = %(address)s::inet AND created_at > %(now)s - interval '1 h' OFFSET 0) AS sms
         ORDER BY created_at DESC OFFSET 9 LIMIT 1),
       (SELECT created_at
          FROM (SELECT challenge.created_at FROM users_challenge AS challenge
                  JOIN users_logincode AS code ON code.id = challenge.login_code_id AND code.device_id IS NULL
                 WHERE challenge.address = %(address)s::inet
                   AND challenge.created_at > %(now)s - interval '1 h' OFFSET 0) AS issued
         ORDER BY created_at DESC OFFSET 59 LIMIT 1),
       (SELECT count(*) FROM (SELECT FROM users_smsdelivery
                               WHERE created_at > coalesce((SELECT counted_at FROM users_sitetotals), '-infinity')
                                 AND created_at > %(now)s - interval '24 h' LIMIT 1000000000) AS sms),
       EXISTS (SELECT FROM users_sitetotals WHERE suspect_countries ? 'RU' OR suspect_prefixes ? %(prefix)s)
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
CONSUME_ATTEMPT = """
WITH consumed AS (
    UPDATE users_challenge AS challenge SET attempts = attempts + 1
      FROM users_logincode AS code
     WHERE challenge.id = %s AND code.id = challenge.login_code_id AND attempts < 3
       AND code.used_at IS NULL AND code.expires_at > clock_timestamp()
    RETURNING challenge.login_code_id, challenge.attempts
)
UPDATE users_logincode AS code SET wrong = wrong + 1
  FROM consumed WHERE code.id = consumed.login_code_id RETURNING consumed.attempts
"""
MARK_USED = """
UPDATE users_logincode
   SET closed_at = %(now)s, expires_at = %(now)s,
       used_at = CASE WHEN id = %(code)s THEN %(now)s END, wrong = wrong - (id = %(code)s)::int
 WHERE user_id = %(user)s AND device_id IS NULL AND used_at IS NULL AND expires_at > %(now)s
RETURNING id
"""
VERIFY_USER = """
UPDATE users_user SET last_login = %(now)s, verified_at = coalesce(verified_at, %(now)s) WHERE id = %(user)s
"""
INSERT_DEVICE = """
INSERT INTO users_device (user_id, user_agent, created_at, session_id, signed_in_at, refreshed_at, refresh_jti,
                          trust_nonce, trust_hash, trusted_until)
VALUES (%(user)s, %(agent)s, %(now)s, %(session)s, %(now)s, %(now)s, %(jti)s, %(nonce)s, %(hash)s,
        %(now)s + interval '180 d') RETURNING id
"""
KEEP_LATEST_TRUSTED = """
UPDATE users_device SET trust_hash = NULL, trusted_until = NULL
 WHERE id IN (SELECT id FROM users_device WHERE user_id = %s AND trust_hash IS NOT NULL
               ORDER BY signed_in_at DESC, id DESC OFFSET 5)
"""
FIND_SESSION = """
SELECT device.*, owner.*, clock_timestamp()
  FROM users_device AS device JOIN users_user AS owner ON owner.id = device.user_id AND owner.is_active
 WHERE device.session_id = %s AND device.user_id = %s AND device.ended_at IS NULL
"""
ACTIVATION_CONTEXT = """
SELECT (SELECT profile.user_id
          FROM profiles_profile AS profile JOIN users_user AS owner ON owner.id = profile.user_id
         WHERE profile.invite_code = %(code)s
           AND owner.is_active AND owner.verified_at IS NOT NULL AND owner.erased_at IS NULL),
       (SELECT inviter.invite_code
          FROM profiles_activation AS vote JOIN profiles_profile AS inviter ON inviter.user_id = vote.inviter_id
         WHERE vote.invitee_id = %(user)s),
       ARRAY(SELECT created_at FROM profiles_miss
              WHERE user_id = %(user)s AND created_at > %(now)s - interval '24 h' ORDER BY created_at)
"""
INSERT_VOTE = """
WITH vote AS (
    INSERT INTO profiles_activation (invitee_id, inviter_id, created_at) VALUES (%s, %s, %s) RETURNING inviter_id
)
UPDATE profiles_profile AS profile SET invitations_count = invitations_count + 1
  FROM vote WHERE profile.user_id = vote.inviter_id
"""
