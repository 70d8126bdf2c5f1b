"""Stores and sends for allauth what its documents leave to the project."""

import project
from allauth.account.adapter import DefaultAccountAdapter
from django.contrib.auth import get_user_model


class Adapter(DefaultAccountAdapter):
    def set_phone(self, user, phone, verified):
        user.mobile, user.mobile_verified = phone, verified
        user.save(update_fields=["mobile", "mobile_verified"])

    def get_phone(self, user):
        return (user.mobile, user.mobile_verified) if user.mobile else None

    def set_phone_verified(self, user, phone):
        self.set_phone(user, phone, True)

    def get_user_by_phone(self, phone):
        return get_user_model().objects.filter(mobile=phone).first()

    def send_verification_code_sms(self, user, phone, code, **kwargs):
        project.send(phone, code)
