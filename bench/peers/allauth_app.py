"""django-allauth, headless, with a phone and a code: https://docs.allauth.org/en/latest/account/phone.html"""

import project

project.configure(
    __name__,
    apps=[
        "django.contrib.sessions",
        "django.contrib.messages",
        "allauth",
        "allauth.account",
        "allauth.headless",
    ],
    middleware=["allauth.account.middleware.AccountMiddleware"],
    AUTHENTICATION_BACKENDS=["allauth.account.auth_backends.AuthenticationBackend"],
    ACCOUNT_ADAPTER="adapter.Adapter",
    ACCOUNT_LOGIN_METHODS={"phone"},
    ACCOUNT_SIGNUP_FIELDS=["phone*"],
    ACCOUNT_LOGIN_BY_CODE_ENABLED=True,
    ACCOUNT_EMAIL_VERIFICATION="none",
    ACCOUNT_USER_MODEL_USERNAME_FIELD=None,
    ACCOUNT_USER_MODEL_EMAIL_FIELD=None,
    ALLAUTH_TRUSTED_PROXY_COUNT=1,
    HEADLESS_ONLY=True,
)

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.urls import include, path  # noqa: E402

application = get_wsgi_application()
urlpatterns = [path("_allauth/", include("allauth.headless.urls"))]


def sessions(readers):
    """A session for each of these users, as a sign-in leaves it."""
    stores = []
    for user in get_user_model().objects.filter(pk__in=readers):
        store = SessionStore()
        store[SESSION_KEY] = str(user.pk)
        store[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
        store[HASH_SESSION_KEY] = user.get_session_auth_hash()
        store._session_key = store._get_new_session_key()
        stores.append(store)
    rows = [store.create_model_instance(dict(store.items())) for store in stores]
    SessionStore.get_model_class().objects.bulk_create(rows)
    return [{"X-Session-Token": row.session_key} for row in rows]


if __name__ == "__main__":
    project.prepare(sessions)
