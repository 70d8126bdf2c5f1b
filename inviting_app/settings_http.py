"""Django's settings for HTTP: hosts, names, origins, proxies, cookies and headers. Part of `settings`."""

from urllib.parse import urlsplit

from inviting_app import env

SITE_URL = env.SITE_URL
EXTRA_HOSTS = env.EXTRA_HOSTS
SITE_NAME, OPERATOR_NAME = env.SITE_NAME, env.OPERATOR_NAME
PRIVACY_URL, CONTACT_URL = env.PRIVACY_URL, env.CONTACT_URL
_site = urlsplit(SITE_URL)
_is_https = _site.scheme == "https"
_LOOPBACK = ["localhost", "127.0.0.1", "[::1]"]

# The loopback names are for probes and for users of the machine itself.
ALLOWED_HOSTS = [_site.netloc.removesuffix(f":{_site.port}"), *_LOOPBACK, *EXTRA_HOSTS]
_ports = {"", f":{_site.port}"} if _site.port else {""}
CSRF_TRUSTED_ORIGINS = [SITE_URL, *(f"{_site.scheme}://{host}{port}" for host in EXTRA_HOSTS for port in _ports)]

TRUSTED_PROXIES = env.TRUSTED_PROXIES
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# Orchestrators ask for these every few seconds. They answer to any host, and are neither logged nor measured.
PROBE_PATHS = frozenset({"/livez", "/livez/", "/readyz", "/readyz/"})

# The limit of every body, on every path: `ApiMiddleware` in api/middleware.py refuses larger ones. Django's
# DATA_UPLOAD_MAX_MEMORY_SIZE covers only what a view reads by `body` or `POST`: REST framework reads JSON from the
# stream, and a request that no view reads would pass.
BODY_MAX_BYTES = 64 * 1024
# The limit of a body with parts, `multipart/form-data`. No form of the service sends one, and the longest request of
# the API has less than 1 KB. Django reads each line in the head of each part, and decodes each parameter that names an
# encoding. So 64 KiB took up to 75 ms of a processor, and a sign-in takes 1.3 ms.
PARTS_MAX_BYTES = 4 * 1024
# More than the largest form has, that of all 200 rows of a list in the admin.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 250

CORS_ALLOWED_ORIGINS = env.CORS_ORIGINS
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_METHODS = ["DELETE", "GET", "POST"]
# What the API reads, and what tracing adds to each request. The asterisk allows all others, too; browsers that do not
# know it find the usual names. It harms nothing, because a request of another origin has no cookies.
CORS_ALLOW_HEADERS = [
    *("accept", "accept-language", "authorization", "content-type", "x-request-id", "x-requested-with"),
    *("baggage", "sentry-trace", "traceparent", "tracestate", "*"),
]
CORS_EXPOSE_HEADERS = ["Content-Language", "Retry-After", "X-Request-ID"]

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _is_https
# Not Strict: an operator who follows a link from a ticket would be signed out. No GET of the admin changes anything.
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if _is_https else 0
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # The owners of the domain's other hosts decide on HSTS for them,
    "security.W021",  # and on the browsers' preload list.
    "security.W008",  # The proxy redirects to HTTPS: here a redirect would lose the body of a POST.
    # These ask for HTTPS; inviting_app.E001 tells when SITE_URL needs it.
    *([] if _is_https else ["security.W004", "security.W012", "security.W016"]),
]

# Fonts and images are compressed already. Only developer tools read source maps, and they take long to compress.
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = ("map", "png", "woff", "woff2")
