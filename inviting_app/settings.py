"""Django's settings. Those that a deployer may change come from `env`."""

from datetime import timedelta
from urllib.parse import urlsplit

from django.utils.translation import gettext_lazy as _

from inviting_app import __version__, cookie_names, env, logs
from inviting_app.ops import data_dir
from inviting_app.settings_database import *  # noqa: F403
from inviting_app.settings_http import *  # noqa: F403
from inviting_app.settings_http import SITE_URL

BASE_DIR, DATA_DIR = env.BASE_DIR, env.DATA_DIR
SECRET_KEY = env.SECRET_KEY or data_dir.secret_key(DATA_DIR)
SECRET_KEY_FALLBACKS = env.SECRET_KEY_FALLBACKS
HOST, PORT, METRICS_PORT = env.HOST, env.PORT, env.METRICS_PORT
WEB_THREADS = env.WEB_THREADS
DRAIN_SECONDS, DRAIN_FILE = env.DRAIN_SECONDS, env.DRAIN_FILE
LOG_FORMAT = env.LOG_FORMAT
# The text of the settings that `serve` keeps until it is stopped, by name.
KEPT_SETTINGS = env.KEPT
VERSION = __version__

INSTALLED_APPS = [
    "inviting_app",
    "inviting_app.page",
    "api",
    "profiles",
    "users",
    "inviting_app.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "inviting_app.apps.QueueConfig",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "corsheaders",
    "axes",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
]

# A request of the API ends at ApiViewMiddleware: what stands below it is for pages alone. New middleware for all
# requests goes right above it: ApiMiddleware has then refused large bodies and, for the API, foreign hosts.
MIDDLEWARE = [
    *(["inviting_app.ops.metrics.requests"] if METRICS_PORT else []),
    "api.middleware.RequestContextMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "api.middleware.DatabaseConnectionMiddleware",
    *(["corsheaders.middleware.CorsMiddleware"] if env.CORS_ORIGINS else []),
    "api.middleware.wanted_languages",
    "api.middleware.ApiMiddleware",
    "api.middleware.ApiViewMiddleware",
    "inviting_app.probes.any_host",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
    "api.middleware.OutageMiddleware",
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
                "inviting_app.page.context.site",
            ],
        },
    },
]

# --- Database and queue -----------------------------------------------------------------------------------------------

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

PROCRASTINATE_IMPORT_PATHS = ["users.sms.tasks"]
PROCRASTINATE_WORKER_DEFAULTS = {"delete_jobs": "successful"}

# --- Users and sign-in ------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "users.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in (
        ("UserAttributeSimilarityValidator", {"user_attributes": ["phone"]}),
        # NIST SP 800-63B-4 (3.1.1.2) asks this of a password that stands alone. Nothing else limits guesses from many
        # addresses: such a limit would let strangers lock an operator out.
        ("MinimumLengthValidator", {"min_length": 15}),
        ("CommonPasswordValidator", {}),
        ("NumericPasswordValidator", {}),
    )
]
# Guesses at operators' passwords are counted and refused by django-axes, see users/admin/lockout.py.
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AXES_HANDLER = "users.admin.lockout.LockoutHandler"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=30)
AXES_RESET_ON_SUCCESS = True
# Otherwise a stranger behind the same address could prolong the lock-out without end.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_USERNAME_FORM_FIELD = "username"
AXES_USERNAME_CALLABLE = "users.admin.lockout.hidden_name"
AXES_CLIENT_IP_CALLABLE = "users.admin.lockout.network_address"
AXES_CLIENT_STR_CALLABLE = "users.admin.lockout.described"
AXES_LOCKOUT_CALLABLE = "users.admin.lockout.refused"
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
# Where a log-in leads whose `next` is of another site.
LOGIN_REDIRECT_URL = "admin:index"
ADMIN_SECOND_FACTOR = env.ADMIN_SECOND_FACTOR
# The name of this service in an operator's authenticator.
OTP_TOTP_ISSUER = urlsplit(SITE_URL).hostname
# A code is accepted for its own 30 seconds, the 30 before and the 30 after. That never shifts with a user's clock.
OTP_TOTP_SYNC = False
# django-otp makes the owner wait for a stranger's wrong codes. users/operators/second_factor.py has other limits.
OTP_TOTP_THROTTLE_FACTOR = OTP_STATIC_THROTTLE_FACTOR = 0
SIMPLE_JWT = {"TOKEN_TYPE_CLAIM": "typ", "USER_ID_CLAIM": "sub"}
PHONE_REGION, PHONE_REGIONS = env.PHONE_REGION, env.PHONE_REGIONS
LOGIN_SEND_GAPS = env.LOGIN_SEND_GAPS
SMS_GATEWAYS, SMS_PROVIDERS, SMS_SENDER = env.SMS_GATEWAYS, env.SMS_PROVIDERS, env.SMS_SENDER
SMS_TEXT, SMS_LAST_LINE = env.SMS_TEXT, env.SMS_LAST_LINE
SMS_PER_DAY, SMS_GUARD = env.SMS_PER_DAY, env.SMS_GUARD
SMS_TEST_NUMBERS = env.SMS_TEST_NUMBERS
DEMO = not SMS_GATEWAYS
EVENTS_STORE = "profiles.webhooks.queries.store"
WEBHOOK_PRIVATE_ADDRESSES = env.WEBHOOK_PRIVATE_ADDRESSES

# --- HTTP -------------------------------------------------------------------------------------------------------------

COOKIE_SUFFIX = cookie_names.suffix(SITE_URL, [SECRET_KEY, *SECRET_KEY_FALLBACKS][-1])
SESSION_ENGINE = "users.operators.sessions"
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = cookie_names.of_admin(SITE_URL, COOKIE_SUFFIX)
CSRF_FAILURE_VIEW = "api.exceptions.csrf_failure"
MESSAGE_STORAGE = "users.operators.messages.SessionStorage"  # without a cookie of its own

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["api.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": [
        "api.parsers.JSONParser",
        "api.parsers.FormParser",
        "api.parsers.MultiPartParser",
    ],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "api.negotiation.IgnoreClientContentNegotiation",
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "api.openapi.Schema",
    "EXCEPTION_HANDLER": "api.exceptions.handler",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "inviting_app",
    "DESCRIPTION": "Sign in with a phone and an SMS code, get a personal invite code, activate somebody else's: once."
    "\n\nSend JSON or a form. `Accept-Language` (en, ru) chooses the language of `detail`. The "
    "response repeats a well-formed `X-Request-ID`."
    "\n\nA refusal is a problem (RFC 9457). [Each code](/problems) has a page that tells what to do."
    "\n\nTo try it in [/docs](/docs): sign up with a phone, sign in with the code (in demo mode the answer to signing "
    "up holds it; the challenge is kept in a cookie), press **Authorize** and paste `token`.",
    "VERSION": __version__,
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/(v1/)?",  # what follows is the tag
    "PARSER_WHITELIST": ["api.parsers.JSONParser"],  # a generated client that is told of forms too sends both
    "COMPONENT_SPLIT_REQUEST": True,
    "AUTHENTICATION_WHITELIST": ["api.authentication.TokenAuthentication"],  # the only scheme; it has subclasses
    "PREPROCESSING_HOOKS": ["api.openapi.without_slashed"],
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "api.openapi.with_guide"],
    "ENUM_NAME_OVERRIDES": {"ProblemCode": "api.openapi.PROBLEM_CODES"},
    "SERVERS": [{"url": "/", "description": "The server that this document comes from"}],
    "SERVE_INCLUDE_SCHEMA": False,
    "SORT_OPERATIONS": False,
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {
        "deepLinking": True,
        "persistAuthorization": True,  # over a reload
        "validatorUrl": None,  # no badge from another server
    },
    "REDOC_DIST": "SIDECAR",
    "TAGS": [
        {"name": "auth", "description": "Signing in and out"},
        {"name": "profiles", "description": "Your profile, your vote, and who voted for you"},
        {"name": "voting", "description": "When votes count, for anyone"},
        {"name": "devices", "description": "Where you are signed in"},
        {"name": "staff", "description": "For operators"},
    ],
}

# --- Languages, time, files, logs -------------------------------------------------------------------------------------

LANGUAGE_CODE, TIME_ZONE = env.LANGUAGE, env.TIME_ZONE  # the admin's zone: the API, logs and commands use UTC
LANGUAGES = [("en", _("English")), ("ru", _("Russian"))]
FORMAT_MODULE_PATH = "inviting_app.formats"

STATIC_URL, STATIC_ROOT = "/static/", DATA_DIR / "static"
STORAGES = {"staticfiles": {"BACKEND": "inviting_app.page.storage.StaticStorage"}}

LOGGING = logs.config(LOG_FORMAT)
LOGGING_CONFIG = "inviting_app.logs.configure"
