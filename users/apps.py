from django.apps import AppConfig
from django.core.checks import register
from django.utils.translation import gettext_lazy as _


class UsersConfig(AppConfig):
    name = "users"
    verbose_name = _("People and sign-in")

    def ready(self) -> None:
        from users import checks

        register(checks.secret_key_is_no_guess)
        register(checks.sms_fits_one_part)
