"""What comes in and goes out. A serializer checks form; the rules are in the domain."""

from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.settings import api_settings

from api.fields import TimeField
from api.pagination import ProfilesPagination
from profiles import invite_codes, queries
from users import phones, typed

# A blank or a null counts as a missing value, see Input.
OPTIONAL: dict[str, Any] = {"required": False, "allow_null": True, "allow_blank": True}


class Input(serializers.Serializer[Any]):
    # No docstring: REST framework's generator would copy it into the description of each request.
    default_error_messages = {"invalid": gettext_lazy("Send a JSON object.")}

    # REST framework refuses the body `null` in English only.
    def run_validation(self, data: Any = serializers.empty) -> Any:
        if data is None:
            detail = serializers.ErrorDetail(_("Nothing was sent."), "null")
            raise serializers.ValidationError({api_settings.NON_FIELD_ERRORS_KEY: [detail]})
        return super().run_validation(data)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        given = super().to_internal_value(data)
        return {name: value for name, value in given.items() if value not in ("", None)}


class StringField(serializers.CharField):
    """A JSON string, never a number: `0042` and `42` are different codes."""

    default_error_messages = {"invalid": gettext_lazy("Not a string.")}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


@extend_schema_field({"type": "string", "format": "phone"})
class PhoneField(serializers.CharField):
    """A phone in any usual spelling, shown as it is written in the home region.

    A JSON number is accepted too. It is not documented: generated clients in Kotlin, Swift, Dart and Rust cannot hold
    a value of two types.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=phones.MAX_LENGTH, **kwargs)

    def get_value(self, dictionary: Any) -> Any:
        value = super().get_value(dictionary)
        return typed.with_lost_plus(value) if isinstance(dictionary, QueryDict) and isinstance(value, str) else value

    def to_representation(self, value: str) -> str:
        return phones.display(value)


class PhoneInQueryField(PhoneField):
    """A phone in a query string."""

    def get_value(self, dictionary: Any) -> Any:
        value = super().get_value(dictionary)
        return phones.in_query(value) if isinstance(value, str) else value


# Without a format: with one, the document would offer a blank value as a second, overlapping type.
@extend_schema_field({"type": "string"})
class OptionalPhoneField(PhoneField):
    """A phone that may be missing, null or blank."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**OPTIONAL, **kwargs)


@extend_schema_field({"type": "integer", "format": "int64"})
class IdField(serializers.IntegerField):
    """The key of a row. It does not fit the 32 bits that generated clients give to an integer without a format."""


@extend_schema_field({"type": "string", "format": "invite-code"})
class TypedInviteCodeField(StringField):
    """An invite code as a client sends it: in any case, with spaces or dashes, or in a share link."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": invite_codes.MAX_LENGTH, **kwargs})

    def run_validation(self, data: Any = serializers.empty) -> str:
        try:
            return invite_codes.normalise(super().run_validation(data))
        except invite_codes.MalformedInviteCode as error:
            raise serializers.ValidationError(_("This is not an invite code."), "invalid") from error


class SignupRequest(Input):
    phone = PhoneField(help_text="A mobile number in any usual spelling: `9991234567`, `+7 999 123-45-67`, `8 (999) …`")
    device_token = StringField(
        **OPTIONAL, max_length=64, help_text="From an earlier sign-in on this device. Default: the cookie"
    )
    challenge_id = StringField(**OPTIONAL, max_length=64, help_text="From an earlier response. Default: the cookie")


class SignupAnswer(serializers.Serializer[Any]):
    challenge_id = serializers.CharField(help_text="Send it back with the code, unless you keep cookies")
    code_length = serializers.IntegerField(help_text="Digits of the code: 4 or 10")
    expires_in = serializers.IntegerField(help_text="Seconds the code stays valid")
    sent = serializers.BooleanField(help_text="False if the SMS already on its way is sufficient")
    sent_at = TimeField(help_text="When the newest SMS was queued")
    resend_in = serializers.IntegerField(help_text="Seconds until a repeated request resends the code")
    code = serializers.CharField(required=False, help_text="The code itself; in demo mode only")


class LoginRequest(Input):
    code = StringField(max_length=64, help_text="The digits of the SMS, as a string; spaces and dashes are dropped")
    challenge_id = StringField(**OPTIONAL, max_length=64)
    phone = OptionalPhoneField(help_text="Needed without `challenge_id` and cookie")


class TokenAnswer(serializers.Serializer[Any]):
    token = serializers.CharField(help_text="Send it as `Authorization: Bearer …`")
    refresh = serializers.CharField(help_text="Exchange it for a new pair. Store that before you use it")
    expires_in = serializers.IntegerField(help_text="Seconds the token stays valid")


class LoginAnswer(TokenAnswer):
    device_token = serializers.CharField(
        help_text="Keep it and send it at the next sign-up, so that the device is known"
    )
    created = serializers.BooleanField(help_text="Whether this was the phone's first correct code")
    requested_by_others = serializers.BooleanField(
        help_text="Whether a client at another network address requested the same code. Tell the user: a stranger may "
        "ask them to read the code out"
    )


class RefreshRequest(Input):
    refresh = StringField(max_length=2048)


class DeviceAnswer(serializers.Serializer[Any]):
    id = IdField()
    user_agent = serializers.CharField()
    signed_in_at = TimeField()
    refreshed_at = TimeField()
    ended_at = TimeField(allow_null=True, help_text="When its session ended; null while it is live")
    trusted_until = TimeField(allow_null=True, help_text="Until when the device is known")
    current = serializers.SerializerMethodField(help_text="Whether this request comes from it")

    def get_current(self, device: Any) -> bool:
        return bool(device.pk == self.context["request"].auth.device.pk)


class InvitationAnswer(serializers.Serializer[Any]):
    phone = PhoneField()
    activated_at = TimeField(source="created_at")


class ProfileAnswer(serializers.Serializer[Any]):
    user_id = IdField()
    phone = PhoneField(source="user.phone")
    invite_code = serializers.RegexField(f"^{invite_codes.PATTERN}$")
    activated_invite = serializers.CharField(
        source="activation.inviter.invite_code",
        read_only=True,
        default=None,
        allow_null=True,
        help_text="Null until one is activated",
    )
    activated_at = TimeField(source="activation.created_at", read_only=True, default=None, allow_null=True)
    invitations_count = serializers.IntegerField(help_text="Number of users who activated this code, disabled ones too")
    created_at = TimeField()


class MaskedProfileAnswer(ProfileAnswer):
    """For staff without the permission to see full phones."""

    phone = serializers.SerializerMethodField()  # type: ignore[assignment]

    def get_phone(self, profile: Any) -> str:
        return phones.mask(profile.user.phone)


class OwnProfileAnswer(serializers.Serializer[Any]):
    """`activated_invite` is the only field that can be set, once."""

    user_id = IdField()
    phone = PhoneField()
    invite_code = serializers.RegexField(f"^{invite_codes.PATTERN}$")
    share_url = serializers.CharField(help_text="A link to your invite code")
    activated_invite = serializers.CharField(allow_null=True, help_text="Null until one is activated")
    activated_at = TimeField(allow_null=True)
    receipt_nonce = serializers.CharField(allow_null=True, help_text="Of your vote: with it you can find its receipt")
    receipt = serializers.CharField(allow_null=True, help_text="Of your vote; null until results are published")
    invitations = serializers.ListField(
        child=PhoneField(), help_text="Phones of the newest 50 users who activated your code; without disabled users"
    )
    invitations_count = serializers.IntegerField(help_text="Number of users who activated this code, disabled ones too")
    invitations_next = serializers.CharField(allow_null=True, help_text="Where the older ones are")


class FastOwnProfile(OwnProfileAnswer):
    """Write what OwnProfileAnswer writes, without its fields, because no request is as frequent.

    The fields would take 0.24 ms of CPU more with 10 invitations, a third of `GET me`, and 0.67 ms with 50
    (docs/speed.md). `source`, `to_representation` and other options of the fields do not apply here: a test compares
    the two serializers. The context holds `invitations_next`.
    """

    def to_representation(self, own: queries.OwnProfile) -> dict[str, Any]:
        return {
            "user_id": own.user_id,
            "phone": phones.display(own.phone),
            "invite_code": own.invite_code,
            "share_url": invite_codes.share_url(own.invite_code),
            "activated_invite": own.activated_invite,
            "activated_at": own.activated_at,
            "receipt_nonce": own.receipt_nonce,
            "receipt": own.receipt,
            "invitations": phones.display_all(own.invitations),
            "invitations_count": own.invitations_count,
            "invitations_next": self.context["invitations_next"],
        }


class ActivateRequest(Input):
    activated_invite = TypedInviteCodeField(help_text="Another user's invite code, in any case")


class ProfileQuery(serializers.Serializer[Any]):
    phone = PhoneInQueryField(required=False, help_text="The full number, in any spelling")
    invite_code = TypedInviteCodeField(required=False, max_length=64, help_text="The full code, in any case")
    has_activated = serializers.BooleanField(required=False, allow_null=True)
    created_after = TimeField(required=False, help_text="Inclusive")
    created_before = TimeField(required=False, help_text="Exclusive")
    ordering = serializers.ChoiceField(
        required=False, default="-created_at", choices=list(ProfilesPagination.orderings)
    )

    def filters(self) -> dict[str, Any]:
        """The valid filters, as `profiles.queries.search` takes them."""
        return {name: value for name, value in self.validated_data.items() if name != "ordering"}
