"""No list of the admin takes a condition in its address that it does not offer: none reveals a secret bit by bit."""

from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db.models import ForeignKey, Model
from django.test import Client, RequestFactory

from tests.support.operators import at_work, operator

pytestmark = pytest.mark.django_db
REGISTERED = [model for model in apps.get_models() if admin.site.is_registered(model)]
ENDINGS = ("", "__startswith", "__contains", "__gte", "__lt", "__in", "__isnull", "__regex")


@pytest.fixture
def boss(db: None) -> Client:
    return at_work(operator(is_superuser=True))


def offered(model: type[Model], browser: Client) -> set[str]:
    """The names in the links of the list's filters."""
    request = RequestFactory().get("/")
    request.user = operator("9991119997", is_superuser=True)
    shown = admin.site.get_model_admin(model).get_changelist_instance(request)
    choices: list[Any] = [choice for one in shown.filter_specs for choice in one.choices(shown)]
    links = [part for choice in choices for part in choice["query_string"].lstrip("?").split("&") if part]
    return {link.partition("=")[0] for link in links}


@pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model.__name__)
def test_list_takes_its_own_conditions_only(model: type[Model], boss: Client) -> None:
    own = offered(model, boss)
    site, path = admin.site.get_model_admin(model), f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
    fields = [field.name for field in model._meta.get_fields()]
    for field in model._meta.get_fields():
        if isinstance(field, ForeignKey) or field.is_relation:
            fields += [f"{field.name}__{one.name}" for one in field.related_model._meta.get_fields()]  # type: ignore[union-attr]
    request = RequestFactory().get("/")

    taken = {
        f"{field}{ending}"
        for field in fields
        for ending in ENDINGS
        if site.lookup_allowed(f"{field}{ending}", "a", request)
    }

    assert {one for one in taken if one not in own and not one.startswith("created_at__")} <= {"endpoint__id__exact"}
    assert {one for one in taken if one.startswith("created_at__")} <= {"created_at__gte", "created_at__lt"}
    for secret in ("nonce__startswith", "endpoint__nonce__startswith", "url__contains", "password__startswith"):
        assert boss.get(f"{path}?{secret}=a").status_code in (302, 400), secret


def test_filter_of_webhooks_is_by_webhook_alone() -> None:
    browser = at_work(operator("9991119998", "view_webhookdelivery", "view_webhookendpoint"))
    path = "/admin/profiles/webhookdelivery/"

    assert browser.get(f"{path}?endpoint__id__exact=1").status_code == 200
    for condition in ("endpoint__nonce__startswith", "endpoint__url__contains", "endpoint__previous_nonce", "data__x"):
        assert browser.get(f"{path}?{condition}=a").status_code == 400, condition
