"""The admin's lists, without their pages."""

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model
from django.test import RequestFactory

from users.models import User


def changelist(model: type[Model], query: str = "") -> ChangeList:
    """The list of this model that a superuser gets with this query, such as `?p=2`."""
    request = RequestFactory().get(f"/{query}")
    request.user = User(pk=1, is_superuser=True)
    return admin.site.get_model_admin(model).get_changelist_instance(request)
