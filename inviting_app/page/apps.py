from django.apps import AppConfig


class PageConfig(AppConfig):
    name = "inviting_app.page"
    label = "page"
