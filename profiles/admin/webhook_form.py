"""The form of a webhook in the admin."""

from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminTextInputWidget
from django.core.exceptions import ValidationError
from django.forms import CheckboxSelectMultiple
from django.utils.translation import gettext_lazy as _

from profiles.models import WebhookEndpoint
from profiles.webhooks import addresses, endpoints
from profiles.webhooks.models import Kind
from users.admin.fresh import FreshForm

ENOUGH = _("At most %(number)d webhooks can be enabled. Disable one first, or let a receiver pass the events on.")


def _kinds() -> list[tuple[str, str]]:
    """The events by name and meaning, in the current language."""
    return [(kind.value, f"{kind.value}: {kind.label}") for kind in Kind]


class EndpointForm(FreshForm):
    events = forms.MultipleChoiceField(label=_("Events"), choices=_kinds, widget=CheckboxSelectMultiple)

    class Meta:
        model = WebhookEndpoint
        fields = ("url", "events", "is_enabled", "disabled_reason")
        widgets = dict.fromkeys(("url", "disabled_reason"), AdminTextInputWidget(attrs={"class": "vLargeTextField"}))
        help_texts = {
            "url": _("Where the events are sent. Do not write a user or a password into it."),
            "is_enabled": _(
                "While it is off, new events are not kept for it, and those that wait go on waiting. A webhook can be"
                " deleted once it has no deliveries: they are kept for 14 days."
            ),
        }

    def clean_url(self) -> str:
        try:
            return addresses.checked(self.cleaned_data["url"])
        except addresses.UrlNotAllowed as error:
            raise ValidationError(str(error)) from error

    def clean(self) -> dict[str, Any]:
        """No reason, and no failure of before, stays with an endpoint that is enabled. A new one is enabled."""
        cleaned = super().clean() or self.cleaned_data
        is_new = self.instance.pk is None
        is_more = is_new or (cleaned.get("is_enabled") and not self.instance.is_enabled)
        if is_more and endpoints.are_enough():
            raise ValidationError(ENOUGH % {"number": endpoints.MOST})
        if cleaned.get("is_enabled"):
            cleaned["disabled_reason"] = ""
        return cleaned
