from django.apps import AppConfig
from django.core.checks import Tags, register
from django.utils.translation import gettext_lazy as _


class UsersConfig(AppConfig):
    name = "users"
    verbose_name = _("Users and sign-in")

    def ready(self) -> None:
        from users import checks

        register(checks.check_secret_key, Tags.security)
        register(checks.check_sms_gateways)
        register(checks.check_sms_length)
        register(checks.check_sms_charset)
        register(checks.check_test_numbers)
