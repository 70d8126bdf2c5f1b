from django.apps import AppConfig
from django.core.checks import register
from django.utils.translation import gettext_lazy as _


class UsersConfig(AppConfig):
    name = "users"
    verbose_name = _("People and sign-in")

    def ready(self) -> None:
        from users.checks import sms_fits_one_part

        register(sms_fits_one_part)
