"""Django REST framework as in its manual: ModelSerializers, the ORM, SimpleJWT, Django's usual middleware.

Tuned as a careful team would do: connections are kept, related rows are joined, the invitations are limited, and the
tables and indexes are the service's. It has no request ids, log lines, content security policy, languages, error
documents, body limits, key rotation, prepared statements, and no check whether a kept connection is alive.
"""

from typing import Any

from django.core.wsgi import get_wsgi_application
from django.urls import path

from bench.baselines import common

common.configure(
    __name__,
    options={},
    apps=[f"django.contrib.{name}" for name in ("sessions", "messages", "staticfiles")] + ["rest_framework"],
    MIDDLEWARE=[  # those of `startproject`
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    REST_FRAMEWORK={
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    },
    SIMPLE_JWT={
        "SIGNING_KEY": common.TOKEN_KEY,
        "AUDIENCE": common.AUDIENCE,
        "ISSUER": common.ISSUER,
        "USER_ID_CLAIM": "sub",
        "TOKEN_TYPE_CLAIM": "typ",
    },
)
application = get_wsgi_application()

# What follows needs the models.
from rest_framework import generics, serializers  # noqa: E402
from rest_framework.reverse import reverse  # noqa: E402
from rest_framework_simplejwt.authentication import JWTAuthentication  # noqa: E402
from rest_framework_simplejwt.exceptions import AuthenticationFailed  # noqa: E402

from profiles.models import Profile  # noqa: E402
from profiles.queries import NEWEST  # noqa: E402


class SessionAuthentication(JWTAuthentication):
    """Reads the user, as SimpleJWT does, and the device."""

    def get_user(self, validated_token: Any) -> Any:
        user: Any = super().get_user(validated_token)
        if not user.devices.filter(session_id=validated_token["sid"], ended_at=None).exists():
            raise AuthenticationFailed
        return user


class PhoneField(serializers.CharField):
    def to_representation(self, value: str) -> str:
        return common.ten_digits(value)


class HexField(serializers.Field[bytes, Any, str, Any]):
    def to_representation(self, value: bytes) -> str:
        return bytes(value).hex()


class ProfileSerializer(serializers.ModelSerializer[Profile]):
    phone = PhoneField(source="user.phone")
    activated_invite = serializers.CharField(source="activation.inviter.invite_code", default=None)
    activated_at = serializers.DateTimeField(source="activation.created_at", default=None)
    receipt_nonce = HexField(source="activation.nonce", default=None)
    receipt = HexField(source="activation.receipt", default=None)
    share_url = serializers.SerializerMethodField()
    invitations = serializers.SerializerMethodField()
    invitations_next = serializers.SerializerMethodField()

    class Meta:
        model = Profile
        fields = (
            "user_id",
            "phone",
            "invite_code",
            "activated_invite",
            "activated_at",
            "receipt_nonce",
            "receipt",
            "invitations_count",
            "share_url",
            "invitations",
            "invitations_next",
        )

    def get_share_url(self, profile: Profile) -> str:
        return common.share_url(profile.invite_code)

    def get_invitations(self, profile: Profile) -> list[str]:
        return [common.ten_digits(vote.invitee.user.phone) for vote in self._newest(profile)[:NEWEST]]

    def get_invitations_next(self, profile: Profile) -> str | None:
        newest = self._newest(profile)
        if len(newest) <= NEWEST:
            return None
        edge = newest[NEWEST - 1]
        url = reverse("me", request=self.context["request"])
        return common.older_invitations(f"{url}/invitations", edge.created_at, edge.invitee_id)

    def _newest(self, profile: Profile) -> list[Any]:
        if not hasattr(self, "_votes"):
            votes = profile.activations.filter(invitee__user__is_active=True).select_related("invitee__user")
            self._votes = list(votes.order_by("-created_at", "-invitee_id")[: NEWEST + 1])
        return self._votes


class OwnProfileView(generics.RetrieveAPIView[Profile]):
    authentication_classes = (SessionAuthentication,)
    serializer_class = ProfileSerializer
    queryset = Profile.objects.select_related("user", "activation__inviter")

    def get_object(self) -> Profile:
        return generics.get_object_or_404(self.get_queryset(), pk=self.request.user.pk)


urlpatterns = [path("api/v1/profiles/me", OwnProfileView.as_view(), name="me")]
