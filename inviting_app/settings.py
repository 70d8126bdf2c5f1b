"""Django's settings. What a deployer may change is in `environment`."""

from __future__ import annotations

import sys
from datetime import timedelta
from urllib.parse import urlsplit

from django.utils.translation import gettext_lazy as _

from inviting_app import __version__, env
from inviting_app.logs import log_what_python_would_print
from inviting_app.ops.embedded import Embedded

BASE_DIR = env.BASE_DIR
DATA_DIR = env.DATA_DIR
SECRET_KEY = env.SECRET_KEY
SECRET_KEY_FALLBACKS = env.SECRET_KEY_FALLBACKS
SITE_URL = env.SITE_URL
VERSION = __version__
DEBUG = False

_SITE = urlsplit(SITE_URL)
_HTTPS = _SITE.scheme == "https"

# The loopback names are for probes and for people on the machine itself.
ALLOWED_HOSTS = [_SITE.hostname, "localhost", "127.0.0.1", "[::1]"]
CSRF_TRUSTED_ORIGINS = [SITE_URL]

INSTALLED_APPS = [
    "inviting_app",
    "inviting_app.page",
    "api",
    "profiles",
    "users",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "procrastinate.contrib.django",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "corsheaders",
    "axes",
]

MIDDLEWARE = [
    *(["inviting_app.ops.metrics.requests"] if env.METRICS_PORT else []),
    "api.middleware.request_context",
    *(["corsheaders.middleware.CorsMiddleware"] if env.CORS_ORIGINS else []),
    "api.middleware.api_edge",  # from here the API goes straight to its views; the rest is for pages
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
    "api.middleware.api_views",
]

ROOT_URLCONF = "inviting_app.urls"
WSGI_APPLICATION = "inviting_app.wsgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- Database ---------------------------------------------------------------------------------------------------------

_IS_WORKER = sys.argv[1:2] == ["worker"]
_DATABASE = env.WORKER_DATABASE if _IS_WORKER else env.DATABASE
DATABASES = {"default": _DATABASE or Embedded(DATA_DIR).settings()}
DATABASES["default"] |= {"ENGINE": "inviting_app.database", "CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True}
# Statements are bound and prepared by the server; a lock that is not had within 2 s is a 503, not a hanging request.
# The server keeps the locks of a host that has gone silent for ten seconds, and not for the two hours of its default.
_SESSION = "-c lock_timeout=2s -c tcp_user_timeout=10s"
_SESSION += " -c tcp_keepalives_idle=4 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3"
DATABASES["default"]["OPTIONS"] |= {"server_side_binding": True, "options": _SESSION}
# A server that has gone silent is a 503 too, and an idle connection to it is noticed before it is used, and before the
# server answers again: it has forgotten the connection by then.
DATABASES["default"]["OPTIONS"] = {
    "connect_timeout": 5,
    "tcp_user_timeout": 5000,
    "keepalives_idle": 4,
    "keepalives_interval": 2,
    "keepalives_count": 2,
} | DATABASES["default"]["OPTIONS"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

PROCRASTINATE_WORKER_DEFAULTS = {"delete_jobs": "successful"}

# --- People and sign-in -----------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "users.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in (
        ("UserAttributeSimilarityValidator", {"user_attributes": ["phone"]}),
        # What NIST SP 800-63B-4 (3.1.1.2) asks of a password that stands alone: nothing else bounds guesses from many
        # addresses at one operator, for a bound would let strangers lock the operator out.
        ("MinimumLengthValidator", {"min_length": 15}),
        ("CommonPasswordValidator", {}),
        ("NumericPasswordValidator", {}),
    )
]
# Guesses at operators' passwords are counted and refused by django-axes, see users/admin/lockout.py.
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AXES_HANDLER = "users.admin.lockout.Handler"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=30)
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # else a stranger behind the same address prolongs it for ever
AXES_USERNAME_FORM_FIELD = "username"
AXES_USERNAME_CALLABLE = "users.admin.lockout.hidden_name"
AXES_CLIENT_IP_CALLABLE = "users.admin.lockout.network"
AXES_CLIENT_STR_CALLABLE = "users.admin.lockout.described"
AXES_LOCKOUT_CALLABLE = "users.admin.lockout.refused"
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
SIMPLE_JWT = {"TOKEN_TYPE_CLAIM": "typ"}
PHONE_REGION = env.PHONE_REGION
PHONE_REGIONS = env.PHONE_REGIONS
LOGIN_SEND_GAPS = env.LOGIN_SEND_GAPS
SMS_GATEWAYS = env.SMS_GATEWAYS
SMS_TEXT = env.SMS_TEXT
SMS_PER_DAY = env.SMS_PER_DAY
SMS_GUARD = env.SMS_GUARD
DEMO = not SMS_GATEWAYS

# --- HTTP -------------------------------------------------------------------------------------------------------------

TRUSTED_PROXIES = env.TRUSTED_PROXIES
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

BODY_MAX_BYTES = 64 * 1024
CORS_ALLOWED_ORIGINS = env.CORS_ORIGINS
CORS_URLS_REGEX = r"^/api/"
CORS_EXPOSE_HEADERS = ["Retry-After", "X-Request-ID"]

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _HTTPS
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Strict"
CSRF_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if _HTTPS else 0
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # HSTS for other hosts of the domain is their owners' to say,
    "security.W021",  # and so is the browsers' preload list.
    "security.W008",  # Whoever ends TLS redirects to it: here a redirect would lose the body of a POST.
]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["api.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": [
        "api.parsers.JSONParser",
        "rest_framework.parsers.FormParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "api.openapi.Schema",
    "EXCEPTION_HANDLER": "api.exceptions.handler",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "inviting_app",
    "DESCRIPTION": "Sign in with a phone and an SMS code, get a personal invite code, activate somebody else's: once."
    "\n\nSend JSON; forms are taken as well. `Accept-Language` (en, ru) chooses the language of `detail`. A "
    "well-formed `X-Request-ID` is taken over and comes back."
    "\n\nWhatever is refused is answered as a problem; [each code](/problems) has a page that tells what to do."
    "\n\nTo try it here: sign up with a phone, sign in with the code (in demo mode the answer to signing up holds it; "
    "the challenge is kept in a cookie), press **Authorize** and paste `token`.",
    "VERSION": __version__,
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/",
    "COMPONENT_SPLIT_REQUEST": True,
    "PREPROCESSING_HOOKS": ["api.openapi.without_slashed"],
    "ENUM_NAME_OVERRIDES": {"ProblemCode": "api.openapi.PROBLEM_CODES"},
    "SERVERS": [{"url": "/", "description": "The server that this document comes from"}],
    "SERVE_INCLUDE_SCHEMA": False,
    "SORT_OPERATIONS": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "validatorUrl": None},  # no badge from another server
    "REDOC_DIST": "SIDECAR",
    "TAGS": [
        {"name": "auth", "description": "Signing in and out"},
        {"name": "profiles", "description": "Your profile, your vote, and who voted for you"},
        {"name": "devices", "description": "Where you are signed in"},
        {"name": "staff", "description": "For operators"},
    ],
}

# --- Languages, time, files, logs -------------------------------------------------------------------------------------

LANGUAGE_CODE = env.LANGUAGE
LANGUAGES = [("en", _("English")), ("ru", _("Russian"))]
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STORAGES = {"staticfiles": {"BACKEND": "inviting_app.storage.Storage"}}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"context": {"()": "inviting_app.logs.Context"}},
    "formatters": {
        "text": {"format": "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s"},
        "json": {
            "()": "pythonjsonlogger.json.JsonFormatter",
            "fmt": "%(levelname)s %(name)s %(request_id)s %(message)s",
            "rename_fields": {"levelname": "level", "name": "logger"},
            "timestamp": "time",
        },
    },
    "handlers": {
        "stderr": {"class": "inviting_app.logs.Stderr", "filters": ["context"], "formatter": env.LOG_FORMAT},
        "null": {"class": "logging.NullHandler"},
    },
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        # A refused request is not worth more than its own line.
        "django.request": {"level": "ERROR"},
        "django.security": {"level": "CRITICAL"},
        "procrastinate": {"level": "WARNING"},
        "psycopg.pool": {"level": "ERROR"},  # each try to connect, while the database is away
        "axes": {"level": "WARNING"},
        "gunicorn.error": {"level": "WARNING", "propagate": True},
        # Gateways' libraries write numbers, messages and URLs with passwords; `users.sms.delivery` says what failed.
        **{name: {"handlers": ["null"], "propagate": False} for name in ("apprise", "smpp", "urllib3")},
    },
}
if env.LOG_FORMAT == "json":
    log_what_python_would_print()
