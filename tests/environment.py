"""The tests' settings, whatever the shell or a `.env` says: loaded as a plugin before Django's settings are."""

import os
import tempfile

for name in (
    "ALLOW_DEMO", "CORS_ORIGINS", "HOST", "LANGUAGE", "LOG_FORMAT", "LOGIN_SEND_GAPS", "PHONE_REGION", "PHONE_REGIONS",
    "PORT", "SECRET_KEY_FALLBACKS", "SITE_URL", "SMS_GATEWAYS", "TRUSTED_PROXIES", "WEB_THREADS", "WEB_WORKERS",
):  # fmt: skip
    os.environ.pop(name, None)

# A folder that root's PostgreSQL, which runs as another user, gets through to.
_folder = tempfile.TemporaryDirectory(prefix="inviting_app-tests-")
os.chmod(_folder.name, 0o755)
os.mkdir(os.path.join(_folder.name, "static"))
os.environ["DATA_DIR"] = _folder.name
os.environ["SECRET_KEY"] = "a key for the tests, known to everybody who reads this line"
