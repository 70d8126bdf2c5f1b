from django.apps import AppConfig


class InvitingAppConfig(AppConfig):
    name = "inviting_app"

    def ready(self) -> None:
        from inviting_app.ops import checks

        checks.register_all()
