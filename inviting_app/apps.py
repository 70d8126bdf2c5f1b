"""The project's own app, and two apps of others that INSTALLED_APPS names with our settings."""

from django.apps import AppConfig, apps
from django.contrib.admin import apps as admin_apps
from django.core.checks import Tags, register
from django.utils.translation import gettext_lazy as _
from procrastinate.contrib.django import apps as procrastinate_apps


class InvitingAppConfig(AppConfig):
    default = True
    name = "inviting_app"

    def ready(self) -> None:
        """Limit the names of encodings, and register what `doctor` and `check --deploy --database default` run.

        For deployment only: `migrate` runs the other checks, and must not fail because no worker runs. No message holds
        a secret or a phone, because it may be pasted into a ticket.
        """
        from inviting_app import text_encodings
        from inviting_app.ops import checks_database, checks_service, checks_settings, checks_upkeep

        text_encodings.forget_unknown_names()
        apps.get_app_config("auth").verbose_name = _("Access")  # in the admin's menu: it has the groups of operators
        register(checks_settings.check_settings, Tags.security, deploy=True)
        register(checks_database.check_database, Tags.database, deploy=True)
        register(checks_service.check_service, "service", deploy=True)
        register(checks_upkeep.check_upkeep, "service", deploy=True)


class AdminConfig(admin_apps.AdminConfig):
    default = False
    default_site = "inviting_app.admin.AdminSite"


class QueueConfig(procrastinate_apps.ProcrastinateConfig):
    """Procrastinate has no names in other languages."""

    default = False
    verbose_name = _("Queue")

    def ready(self) -> None:
        super().ready()
        options = self.get_model("ProcrastinateJob")._meta
        options.verbose_name, options.verbose_name_plural = _("job"), _("jobs")
