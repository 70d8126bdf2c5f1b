"""drfpasswordless with mobile numbers: https://github.com/aaronn/django-rest-framework-passwordless"""

import project

project.configure(
    __name__,
    apps=[
        "django.contrib.sessions",
        "django.contrib.messages",
        "rest_framework",
        "rest_framework.authtoken",
        "drfpasswordless",
    ],
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.TokenAuthentication"],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    },
    PASSWORDLESS_AUTH={
        "PASSWORDLESS_AUTH_TYPES": ["MOBILE"],
        "PASSWORDLESS_MOBILE_NOREPLY_NUMBER": "+70000000000",
        "PASSWORDLESS_USER_MARK_MOBILE_VERIFIED": True,
        "PASSWORDLESS_SMS_CALLBACK": f"{__name__}.send",
    },
)

from django.contrib.auth import get_user_model  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection  # noqa: E402
from django.urls import include, path  # noqa: E402
from rest_framework import generics, permissions, serializers  # noqa: E402

application = get_wsgi_application()

# The package has no index by which a code could be found: every sign-in would read all codes.
INDEX = "CREATE INDEX ON drfpasswordless_callbacktoken (key)"
TOKENS = """
INSERT INTO authtoken_token (key, created, user_id)
SELECT encode(substr(sha256(id::text::bytea), 1, 20), 'hex'), now(), id FROM people_user
"""


class MeSerializer(serializers.ModelSerializer):
    class Meta:
        model = get_user_model()
        fields = ("id", "mobile", "mobile_verified", "date_joined")


class Me(generics.RetrieveAPIView):
    serializer_class = MeSerializer
    permission_classes = (permissions.IsAuthenticated,)

    def get_object(self):
        return self.request.user


urlpatterns = [path("", include("drfpasswordless.urls")), path("me", Me.as_view())]


def send(user, mobile_token, **kwargs):
    project.send(user.mobile, mobile_token.key)
    return True


def tokens(readers):
    from rest_framework.authtoken.models import Token

    with connection.cursor() as cursor:
        cursor.execute(INDEX)
        cursor.execute(TOKENS)
    keys = Token.objects.filter(user__in=readers).values_list("key", flat=True)
    return [{"Authorization": f"Token {key}"} for key in keys]


if __name__ == "__main__":
    project.prepare(tokens)
