"""Change of phone over HTTP, for the signed-in user."""

from typing import Any

from django.conf import settings
from django.utils.translation import get_language
from rest_framework.decorators import action
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from api import answers
from api.authentication import SessionRequest
from api.openapi import SIGNED_IN, WITH_PHONE, operation
from api.serializers import OPTIONAL, Input, OwnProfileAnswer, PhoneField, SignupAnswer, StringField
from profiles import phone_change, queries
from users import client, phones


class PhoneChangeRequest(Input):
    phone = PhoneField(help_text="The new number, in any usual spelling")
    challenge_id = StringField(**OPTIONAL, max_length=64, help_text="From an earlier response for the same number")


class ConfirmRequest(Input):
    code = StringField(max_length=64, help_text="The digits of the SMS, as a string; spaces and dashes are dropped")
    challenge_id = StringField(max_length=64, help_text="From the response to the request for the code")


class PhoneChangeViewSet(GenericViewSet[Any]):
    """The signed-in user's own phone."""

    http_method_names = ["post"]

    @operation(
        "me_phone", SignupAnswer, *SIGNED_IN, *WITH_PHONE, "fresh_sign_in_required", "staff_phone", "too_many_requests"
    )
    @action(detail=False, methods=["post"], serializer_class=PhoneChangeRequest)
    def phone(self, request: SessionRequest) -> Response:
        """Request a code for a new phone.

        It goes to the new number, under the limits of a sign-up of that number, and the response is that of a sign-up:
        it does not tell whether somebody has the number. Needs a device that signed in by code at most 10 minutes ago.
        A repeated request resends the code when the resend interval has passed; send `challenge_id` with it.
        **Whoever the user voted for will see the new number**: say so to a user with an `activated_invite`.
        """
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        challenge = phone_change.request_code(
            request.auth.device,
            phones.normalise(serializer.validated_data["phone"]),
            now=request.auth.now,
            address=client.address(request),
            language=get_language() or settings.LANGUAGE_CODE,
            challenge_id=serializer.validated_data.get("challenge_id"),
        )
        return answers.issued(challenge)

    @operation("me_phone_confirm", OwnProfileAnswer, *SIGNED_IN, "invalid_code", "staff_phone", "phone_taken")
    @action(detail=False, methods=["post"], url_path="phone/confirm", serializer_class=ConfirmRequest)
    def confirm(self, request: SessionRequest) -> Response:
        """Confirm the new number with its code.

        Profile, invite code and vote stay. All your other devices are signed out and no longer known, and the number
        before gets an SMS about it. If the response is lost, repeat the request within 10 seconds: it gets the same
        success. `phone_taken` means that the code was correct and that somebody else has the number.
        """
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        phone_change.confirm(request.auth.device, given["code"], given["challenge_id"])
        return answers.own_profile(request, queries.own_profile(request.auth.device.session_id, request.user.pk))
