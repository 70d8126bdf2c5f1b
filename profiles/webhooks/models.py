"""The endpoints of other systems, and the events on their way to them."""

import uuid
from urllib.parse import urlsplit

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from users.models import User


class Kind(models.TextChoices):
    """The events, by the names that receivers get."""

    VERIFIED = "user.verified", _("a user verified their phone")
    ERASED = "user.erased", _("a user was erased")
    PHONE_CHANGED = "user.phone_changed", _("a user changed their phone")
    ACTIVATED = "activation.created", _("a user voted")
    RELEASED = "activation.released", _("a vote was released")
    PUBLISHED = "results.published", _("the results of the vote were published")


# What "Send a test" sends. No endpoint can choose it.
TEST = "webhook.test"


class WebhookEndpoint(models.Model):
    """Where another system takes events. Its secrets are derived from the nonces, so no backup contains them."""

    # A part of it may be a secret, so only its page shows it.
    url = models.CharField("URL", max_length=500)
    events = ArrayField(models.CharField(max_length=32, choices=Kind.choices), verbose_name=_("events"))
    nonce = models.UUIDField(default=uuid.uuid4)
    # The secret before this one, which also signs until then.
    previous_nonce = models.UUIDField(null=True)
    previous_until = models.DateTimeField(_("the secret before it is used until"), null=True)
    is_enabled = models.BooleanField(_("enabled"), default=True)
    disabled_reason = models.CharField(_("why it is disabled"), max_length=200, blank=True)
    # Since the first failure after the last success, and the last error. Empty while it works.
    failing_since = models.DateTimeField(_("failing since"), null=True)
    error = models.CharField(_("last error"), max_length=64, blank=True)
    created_at = models.DateTimeField(_("created"), db_default=Now())

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        default_permissions = ("view", "change")
        constraints = [
            models.CheckConstraint(name="profiles_webhookendpoint_url", condition=Q(url__regex="^https?://")),
            models.CheckConstraint(
                name="profiles_webhookendpoint_events",
                condition=Q(events__contained_by=Kind.values, events__len__gt=0),
            ),
            models.CheckConstraint(
                name="profiles_webhookendpoint_disabled",
                condition=Q(is_enabled=True, disabled_reason="") | Q(Q(is_enabled=False), ~Q(disabled_reason="")),
                violation_error_message=_("Give a reason if the webhook is disabled, and none if it is enabled."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk}. {urlsplit(self.url).hostname}"


class WebhookDelivery(models.Model):
    """An event for an endpoint. Its id is the sequence number that the receiver gets."""

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        DELIVERED = "delivered", _("delivered")
        FAILED = "failed", pgettext_lazy("webhook", "failed")

    # The indexes below begin with it.
    endpoint = models.ForeignKey(
        WebhookEndpoint, models.PROTECT, db_index=False, related_name="deliveries", verbose_name=_("webhook")
    )
    kind = models.CharField(_("event"), max_length=32)
    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="+", verbose_name=_("user"))
    data = models.JSONField(_("data"))
    # The same in every try, so that a receiver knows an event that it got before.
    message_id = models.UUIDField("webhook-id", db_default=RandomUUID())
    created_at = models.DateTimeField(_("created"), db_default=Now())
    state = models.CharField(_("state"), max_length=9, choices=State.choices, db_default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(_("attempts"), db_default=0)
    # When a worker may claim it. While a claim lives, that is its end.
    next_try_at = models.DateTimeField(_("next try"), db_default=Now())
    # Of the last try: the status of the response, or what went wrong without one.
    status = models.PositiveSmallIntegerField(_("response status"), null=True)
    error = models.CharField(_("error"), max_length=64, blank=True, db_default="")
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=["endpoint", "id"], name="profiles_webhook_newest"),
            models.Index(fields=["endpoint", "next_try_at"], name="profiles_webhook_due", condition=Q(state="queued")),
            models.Index(fields=["endpoint", "id"], name="profiles_webhook_oldest", condition=Q(state="queued")),
            models.Index(fields=["id"], name="profiles_webhook_failed", condition=Q(state="failed")),
        ]
        constraints = [
            models.CheckConstraint(
                name="profiles_webhookdelivery_state",
                condition=Q(state="queued", finished_at=None)
                | Q(state__in=["delivered", "failed"], finished_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
