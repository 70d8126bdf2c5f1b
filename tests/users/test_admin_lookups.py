"""No list of the admin takes a condition in its address that it does not offer: none reveals a secret bit by bit."""

from itertools import product
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db.models import Model
from django.test import Client, RequestFactory

from tests.support.admin_lists import changelist
from tests.support.operators import at_work, operator

pytestmark = pytest.mark.django_db
REGISTERED = [model for model in apps.get_models() if admin.site.is_registered(model)]
ENDINGS = ("", "__exact", "__startswith", "__contains", "__gte", "__lt", "__in", "__isnull", "__regex")
# Conditions of filters that have links only when there are rows.
OF_ROWS = {"endpoint__id__exact", "created_at__gte", "created_at__lt"}


@pytest.fixture
def boss(db: None) -> Client:
    return at_work(operator(is_superuser=True))


def fields(model: type[Model]) -> list[str]:
    """The fields of this model, and those of the models to which they lead."""
    own = model._meta.get_fields()
    led_to = [f"{field.name}__{one.name}" for field in own for one in related_fields(field)]
    return [*(field.name for field in own), *led_to]


def related_fields(field: Any) -> Any:
    return field.related_model._meta.get_fields() if field.is_relation else ()


def offered(model: type[Model]) -> set[str]:
    """The names in the links of the list's filters."""
    shown = changelist(model)
    choices: list[Any] = [choice for one in shown.filter_specs for choice in one.choices(shown)]
    links = [part for choice in choices for part in choice["query_string"].lstrip("?").split("&") if part]
    return {link.partition("=")[0] for link in links}


@pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model.__name__)
def test_list_takes_its_own_conditions_only(model: type[Model], boss: Client) -> None:
    site, path = admin.site.get_model_admin(model), f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
    request = RequestFactory().get("/")
    lookups = {f"{field}{ending}" for field in fields(model) for ending in ENDINGS}

    taken = {lookup for lookup in lookups if site.lookup_allowed(lookup, "a", request)}

    assert taken - offered(model) <= OF_ROWS
    for secret in ("nonce__startswith", "endpoint__nonce__startswith", "url__contains", "password__startswith"):
        assert boss.get(f"{path}?{secret}=a").status_code in (302, 400), secret


@pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model.__name__)
@pytest.mark.parametrize("variable", ["_popup=1", "_to_field=id", "p=0", "p=99", "all=", "o=1.-2", "e=1", "q=a"])
def test_list_opens_with_the_variables_of_django(model: type[Model], variable: str, boss: Client) -> None:
    answer = boss.get(f"/admin/{model._meta.app_label}/{model._meta.model_name}/?{variable}")

    assert answer.status_code in (200, 302, 400)


@pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model.__name__)
def test_any_name_of_a_field_to_refer_to_gets_an_answer(model: type[Model], boss: Client) -> None:
    pages = ("", "add/", "1/change/", "1/delete/")

    for name, page in product([field.name for field in model._meta.get_fields()], pages):
        path = f"/admin/{model._meta.app_label}/{model._meta.model_name}/{page}"
        assert boss.get(f"{path}?_to_field={name}").status_code < 500, (name, page)


@pytest.mark.parametrize("path", ["autocomplete/?app_label=users&model_name=user&field_name=profile", "r/1/1/"])
def test_admin_has_no_pages_that_nothing_uses(path: str, boss: Client) -> None:
    assert boss.get(f"/admin/{path}").status_code == 404


def test_filter_of_webhooks_is_by_webhook_alone() -> None:
    browser = at_work(operator("9991119998", "view_webhookdelivery", "view_webhookendpoint"))
    path = "/admin/profiles/webhookdelivery/"

    assert browser.get(f"{path}?endpoint__id__exact=1").status_code == 200
    for condition in ("endpoint__nonce__startswith", "endpoint__url__contains", "endpoint__previous_nonce", "data__x"):
        assert browser.get(f"{path}?{condition}=a").status_code == 400, condition
