"""Webhooks in the admin: the endpoints with their secrets, and what became of the events."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Model, QuerySet, Value
from django.db.models.expressions import RawSQL
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop as N_

from profiles.admin.webhook_form import EndpointForm
from profiles.models import WebhookDelivery, WebhookEndpoint
from profiles.webhooks import answers, endpoints
from profiles.webhooks import messages as webhook_messages
from users.admin import permissions
from users.admin.links import back_to_page, linked
from users.admin.lists import COUNTED_ROWS, ChoiceFilter, ForgivingAdmin, LargeTableAdmin, breakable, marked, shown
from users.operators import history

MAY_CHANGE = "profiles.change_webhookendpoint"
SECRET = _("It was shown once. The list of webhooks has an action that makes a new one.")


class WebhookAdmin(ForgivingAdmin):
    """Advises operators by what they may do."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        may_change = Value(request.user.has_perm(MAY_CHANGE))
        found: QuerySet[Any] = super().get_queryset(request).annotate(may_change=may_change)
        return found


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(WebhookAdmin):
    empty_text = _("Add a webhook to tell another system of sign-ups and votes.")
    new_title = _("New webhook")
    form = EndpointForm
    list_display = ("link", "state", "events_in_words", "failing_since", "shown_error")
    readonly_fields = ("state", "shown_error", "todo", "failing_since", "previous_until", "created_at")
    actions = ("send_test", "new_secret")
    ordering = ("pk",)

    class Media:
        css: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("admin_home/webhook.css",)}

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        if not obj:
            return [(None, {"fields": ("url", "events")})]  # a new one is enabled
        hook = obj if isinstance(obj, WebhookEndpoint) else WebhookEndpoint()
        failing = ("shown_error", "failing_since") if hook.failing_since else ()
        todo = ("todo",) if endpoints.todo(hook) else ()
        secret = {"fields": ("previous_until", "created_at"), "classes": ("collapse",), "description": SECRET}
        return [
            (None, {"fields": ("url", "state", *failing, *todo)}),
            (_("What is sent"), {"fields": ("events", "is_enabled", "disabled_reason")}),
            (_("Secret"), secret),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(MAY_CHANGE)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Only without deliveries, which are kept for a while. Until then it can be disabled."""
        is_unused = isinstance(obj, WebhookEndpoint) and not obj.deliveries.exists()
        return is_unused and request.user.has_perm(MAY_CHANGE)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """With the words of what it does, and with the name of the webhook."""
        page = super().delete_view(request, object_id, {"title": _("Delete the webhook"), **(extra_context or {})})
        if isinstance(page, TemplateResponse) and page.context_data:
            page.context_data["subtitle"] = page.context_data["object"]
        return page

    def save_model(self, request: HttpRequest, obj: WebhookEndpoint, form: Any, change: bool) -> None:
        """Save the changed fields only: a worker may be recording a failure at this moment."""
        if not change:
            return obj.save()
        changed = [*form.changed_data, "disabled_reason"]
        if "is_enabled" in form.changed_data:
            obj.failing_since, obj.error = None, ""
            changed += ["failing_since", "error"]
        return obj.save(update_fields=set(changed))

    def response_add(self, request: HttpRequest, obj: WebhookEndpoint, post_url_continue: Any = None) -> HttpResponse:
        return self._shown_once(request, obj, webhook_messages.secret(obj.nonce))

    @admin.action(
        permissions=["change"],
        description=_("Make a new secret, beside which the present one stays valid for 24 hours"),
    )
    def new_secret(self, request: HttpRequest, chosen: QuerySet[WebhookEndpoint]) -> HttpResponse | None:
        if len(chosen) != 1:
            self.message_user(request, gettext("Choose one webhook: its secret is shown once."), messages.WARNING)
            return None
        secret = endpoints.replace_secret(chosen[0])
        self.log_change(request, chosen[0], [history.told(N_("Made a new secret."))])
        return self._shown_once(request, chosen[0], secret)

    @admin.action(permissions=["change"], description=_("Send a test"))
    def send_test(self, request: HttpRequest, chosen: QuerySet[WebhookEndpoint]) -> None:
        for endpoint in chosen:
            level, told = messages.SUCCESS, gettext("A test is on its way to webhook %(webhook)s. See its deliveries.")
            if not endpoints.send_test(endpoint):
                level, told = messages.WARNING, gettext("Webhook %(webhook)s is disabled, so nothing was sent.")
            self.message_user(request, told % {"webhook": endpoint}, level)

    def _shown_once(self, request: HttpRequest, endpoint: WebhookEndpoint, secret: str) -> HttpResponse:
        """Show the secret in the response itself: no browser keeps that."""
        own = {"opts": self.opts, "title": gettext("Secret of the webhook"), "subtitle": endpoint, "original": endpoint}
        context = {**self.admin_site.each_context(request), **own, "secret": secret}
        return TemplateResponse(request, "admin/profiles/webhook_secret.html", context)

    @admin.display(description=_("state"))
    def state(self, endpoint: WebhookEndpoint) -> str:
        if not endpoint.is_enabled:
            return marked("", pgettext("webhook", "disabled: %(reason)s") % {"reason": endpoint.disabled_reason})
        if endpoint.failing_since:
            return marked("bad", pgettext("webhook", "failing"))
        return marked("good", pgettext("webhook", "enabled"))

    @admin.display(description=_("webhook"))
    def link(self, endpoint: WebhookEndpoint) -> str:
        return breakable(endpoint)

    @admin.display(description=_("what to do"))
    def todo(self, endpoint: Any) -> str:
        told = endpoints.todo(endpoint, on_its_page=True)
        return permissions.advice(endpoint.is_enabled or endpoint.may_change, told)

    @admin.display(description=_("events"))
    def events_in_words(self, endpoint: WebhookEndpoint) -> str:
        return ", ".join(endpoint.events)

    @admin.display(description=_("last error"))
    def shown_error(self, endpoint: WebhookEndpoint) -> str:
        return shown(answers.describe(endpoint.error))


class StateFilter(ChoiceFilter):
    """Those that are not delivered have a partial index, which a parameter would miss. Most others are delivered."""

    title = _("state")
    parameter_name = "state"
    choices_offered = {
        "queued": (WebhookDelivery.State.QUEUED.label, {"state": RawSQL("'queued'", ())}),
        "failed": (WebhookDelivery.State.FAILED.label, {"state": RawSQL("'failed'", ())}),
        "delivered": (WebhookDelivery.State.DELIVERED.label, {"state": WebhookDelivery.State.DELIVERED}),
    }


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(WebhookAdmin, LargeTableAdmin):
    empty_text = _("Deliveries appear here when there is a webhook and something happens.")
    list_display = ("__str__", "receiver", "shown_state", "attempts", "answer", "created", "due")
    fieldsets = (
        (None, {"fields": ("to_endpoint", "shown_state", "answer", "todo")}),
        (_("Timeline"), {"fields": ("created", "attempts", "due", "finished_at")}),
        (_("Details"), {"fields": ("kind", "id", "message_id", "user", "data"), "classes": ("collapse",)}),
    )
    list_filter = (StateFilter, "endpoint")
    sortable_by = ("created",)
    list_select_related = ("endpoint",)
    actions = ("send_again",)

    def has_send_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(MAY_CHANGE)

    @admin.action(permissions=["send"], description=_("Send again"))
    def send_again(self, request: HttpRequest, chosen: QuerySet[WebhookDelivery]) -> HttpResponse | None:
        names = {delivery.pk: str(delivery) for delivery in chosen[:COUNTED_ROWS]}
        with transaction.atomic():
            number = endpoints.send_again(names)
            history.record(request.user.pk, self.model, names, history.told(N_("Sent it again.")))
        told = gettext("Events that are sent again: %(number)d.")
        self.message_user(request, told % {"number": number}, messages.SUCCESS)
        return back_to_page(self, request, list(names))

    @admin.display(description=_("webhook"))
    def receiver(self, delivery: WebhookDelivery) -> str:
        return breakable(delivery.endpoint)

    @admin.display(description=_("webhook"))
    def to_endpoint(self, delivery: WebhookDelivery) -> str:
        return linked(delivery.endpoint, breakable(delivery.endpoint))

    @admin.display(description=_("created"), ordering="pk")
    def created(self, delivery: WebhookDelivery) -> str:
        """The list is in the order of the ids, which is that of the times."""
        return shown(delivery.created_at)

    @admin.display(description=_("what to do"))
    def todo(self, delivery: Any) -> str:
        first, then = endpoints.todo_about(delivery)
        return f"{first} {permissions.advice(delivery.may_change, then)}"

    @admin.display(description=_("state"))
    def shown_state(self, delivery: WebhookDelivery) -> str:
        tones = {WebhookDelivery.State.DELIVERED: "good", WebhookDelivery.State.FAILED: "bad"}
        return marked(tones.get(WebhookDelivery.State(delivery.state), "open"), delivery.get_state_display())

    @admin.display(description=_("answer"))
    def answer(self, delivery: WebhookDelivery) -> str:
        """The status of the last response, or why there was none."""
        return shown(answers.describe(delivery.error) or (delivery.status and f"HTTP {delivery.status}"))

    @admin.display(description=_("next try"))
    def due(self, delivery: WebhookDelivery) -> str:
        return shown(delivery.next_try_at if delivery.state == WebhookDelivery.State.QUEUED else None)
