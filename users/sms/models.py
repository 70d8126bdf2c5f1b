"""What became of each SMS, the health of the gateways, and the totals behind the SMS cost limits."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.timezone import localtime
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from users import widest_network
from users.sms.answers import MAX_REFERENCE, Verdict, describe, gateway_name, verdict

# The gateway of a code that demo mode wrote to the log: no SMS was sent.
DEMO_GATEWAY = "demo"

# SMS in a row that a gateway refused, one by one, after which it seems to refuse all. Few of the numbers that people
# enter are refused, so no healthy gateway gets there by chance.
MANY_REFUSALS = 10


class SmsDelivery(models.Model):
    """One send of a code, or one notice after its use: what became of it. Its text is not stored."""

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        SENT = "sent", _("sent")
        FAILED = "failed", _("not sent")
        DROPPED = "dropped", _("dropped")

    login_code = models.ForeignKey(
        "users.LoginCode", models.CASCADE, related_name="deliveries", verbose_name=_("login code")
    )
    channel = models.CharField(_("channel"), max_length=8, default="sms")
    gateway = models.CharField(_("gateway"), max_length=64, blank=True)
    gateway_ref = models.CharField(_("gateway's reference"), max_length=MAX_REFERENCE, blank=True)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.QUEUED)
    address = models.CharField(_("phone"), max_length=20)
    # Of a notice about a changed phone: the phone before (E.164), to which it goes, until it is sent or given up.
    notice_phone = models.CharField(max_length=16, null=True)
    country = models.CharField(_("country"), max_length=3)
    prefix = models.CharField(_("prefix"), max_length=16)
    error = models.CharField(_("error"), max_length=100, blank=True)
    # By gateway: how many tries have no known outcome, so that the SMS may have been sent. NULL: there are none.
    open_tries = models.JSONField(_("tries without an outcome"), null=True)
    # When a worker may claim it, see `users.sms.queries.claim`: at once at first, and later while a claim lives or
    # after a round of all gateways that took nothing. None if a job of an earlier version sends it.
    next_try_at = models.DateTimeField(_("next try"), null=True)
    failed_rounds = models.PositiveSmallIntegerField(_("failed rounds"), db_default=0)
    # The id of the request that asked for it, for the worker's log lines.
    request_id = models.CharField(_("id of the request"), max_length=64, blank=True, db_default="")
    # What the receipt said: when the SMS arrived, or why it did not (a Reason). Both are empty without a receipt.
    delivered_at = models.DateTimeField(_("delivered"), null=True)
    undelivered = models.CharField(_("not delivered"), max_length=16, blank=True, db_default="")
    # The SMS cost limits of its network count it. None for known devices, which these limits exempt.
    client_address = models.GenericIPAddressField(_("client address"), null=True, db_column="asked_from")
    created_at = models.DateTimeField(pgettext_lazy("SMS", "created"))
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        verbose_name = _("SMS delivery")
        verbose_name_plural = _("SMS deliveries")
        indexes = [
            models.Index(fields=["created_at"], name="users_smsdelivery_created"),
            # For the version before. The next one may drop it.
            models.Index(fields=["client_address", "created_at"], name="users_smsdelivery_asked_from"),
            models.Index(
                widest_network.expression("client_address"), "created_at", name="users_smsdelivery_of_network"
            ),
            models.Index(fields=["gateway_ref"], name="users_smsdelivery_reference", condition=~Q(gateway_ref="")),
            models.Index(fields=["next_try_at"], name="users_smsdelivery_queued", condition=Q(state="queued")),
        ]
        constraints = [
            models.CheckConstraint(
                name="users_smsdelivery_state", condition=Q(state__in=["queued", "sent", "failed", "dropped"])
            ),
        ]

    def __str__(self) -> str:
        return f"SMS {self.pk}"

    @property
    def is_unreachable(self) -> bool:
        """Whether a gateway said that this number cannot be reached, so that no other was asked."""
        return verdict(self.error.partition(": ")[2].partition(" ")[0]) is Verdict.UNREACHABLE

    @property
    def may_have_been_sent(self) -> bool:
        """Whether a gateway was tried and gave no clear answer."""
        return any((self.open_tries or {}).values())

    @property
    def described_error(self) -> str:
        """Why gateways did not take the SMS, in the current language."""
        return describe(self.error)

    @property
    def shown_gateway(self) -> str:
        """The gateway as operators read it. Empty before one has taken the SMS."""
        return gateway_name(self.gateway)

    @property
    def described_undelivered(self) -> str:
        """Why the SMS did not arrive, in the current language. Empty if it did, or if there is no receipt."""
        return describe(self.undelivered)

    @property
    def is_too_late(self) -> bool:
        """Whether it waits for a worker, but its code has expired, so that none will send it."""
        waits = self.state == self.State.QUEUED and not self.notice_phone
        return waits and self.login_code.expires_at <= timezone.now()

    @property
    def outcome(self) -> str:
        """What became of the SMS so far, with the reason, in the current language."""
        if self.delivered_at:
            return gettext("delivered")
        if self.is_too_late:
            return gettext("not sent: its code expired")
        if self.undelivered:
            return gettext("not delivered: %(reason)s") % {"reason": self.described_undelivered}
        if self.state == self.State.SENT:
            return gettext("not sent: demo mode") if self.gateway == DEMO_GATEWAY else gettext("sent, no receipt")
        why = self.why_dropped if self.state == self.State.DROPPED else self.described_error
        return f"{self.get_state_display()}: {why}" if why else self.get_state_display()

    @property
    def why_dropped(self) -> str:
        """Why no gateway was asked, in the current language. See `users.sms.queries.claim`."""
        code, finished_at = self.login_code, self.finished_at or timezone.now()
        if code.used_at:
            return gettext("too late") if code.used_at <= self.created_at else gettext("the code was used first")
        is_erased = code.expires_at > finished_at and code.user.erased_at
        return gettext("the user was erased") if is_erased else gettext("its code expired")

    @property
    def tone(self) -> str:
        """How the admin marks the outcome: as good, as bad, as open, or not at all if there is no receipt."""
        if self.delivered_at:
            return "good"
        if self.undelivered or self.is_too_late or self.state in {self.State.FAILED, self.State.DROPPED}:
            return "bad"
        return "open" if self.state == self.State.QUEUED else ""


class SmsGateway(models.Model):
    """The health of a gateway, shared by all workers. A gateway without a row is healthy.

    Its name is its place in SMS_GATEWAYS and its kind, such as `1 twilio`: any other part of its URL may be a secret.
    """

    name = models.CharField(_("gateway"), max_length=64, primary_key=True)
    failures = models.PositiveIntegerField(_("failures in a row"), default=0)
    # Each of them was about one SMS, so it is no failure, and does not change the order of the gateways.
    refusals = models.PositiveIntegerField(_("SMS refused in a row"), default=0, db_default=0)
    error = models.CharField(_("error"), max_length=100, blank=True)
    failed_at = models.DateTimeField(_("last failed"), null=True)
    circuit_open_until = models.DateTimeField(_("asked last until"), null=True, db_column="skipped_until")

    class Meta:
        verbose_name = _("SMS gateway")
        verbose_name_plural = _("SMS gateways")

    def __str__(self) -> str:
        return gateway_name(self.name)

    @property
    def refuses_account(self) -> bool:
        """Whether its last answer was that no SMS of this account is taken."""
        return self.failures > 0 and verdict(self.error.partition(" ")[0]) is Verdict.ACCOUNT

    @property
    def refuses_all(self) -> bool:
        """Whether it seems to refuse every SMS, though not the account: its URL has moved, or a template is missing."""
        return self.refusals >= MANY_REFUSALS

    @property
    def described_error(self) -> str:
        """The last error in the current language."""
        return describe(self.error)


class SiteTotals(models.Model):
    """One row, written once a minute: the sums that would take too long at each sign-up."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    counted_at = models.DateTimeField(_("counted"))
    people_a_day = models.FloatField(_("users signed in per day"), help_text=_("mean of seven days"))
    sms_in_a_day = models.PositiveIntegerField(_("SMS in 24 hours"))
    suspect_countries = models.JSONField(_("countries whose codes are not used"), default=list)
    suspect_prefixes = models.JSONField(_("number prefixes whose codes are not used"), default=list)
    # The rows of `users.sms.arrivals`. None before the first count.
    arrivals = models.JSONField(_("delivered SMS"), null=True)
    # When `manage.py backup` last made one. None if it never did, at least not since the worker first counted.
    backed_up_at = models.DateTimeField(_("last backup"), null=True)
    # When the newest backup was made that a restore has proved. None if none was checked.
    checked_backup_at = models.DateTimeField(_("last checked backup"), null=True)
    # What `inviting_app.ops.certificate` saw last. None before its first look, and without https.
    certificate = models.JSONField(_("certificate"), null=True)

    class Meta:
        verbose_name = verbose_name_plural = _("site totals")
        constraints = [models.CheckConstraint(name="users_sitetotals_one_row", condition=Q(id=1))]

    def __str__(self) -> str:
        return gettext("totals of %(time)s") % {"time": f"{localtime(self.counted_at):%F %T}"}


class NetworkTotals(models.Model):
    """One row for each network, written once a minute: what its people did in 24 hours. See `users/network_queries.py`.

    A network without a row has verified no phone, and nothing counts against it.
    """

    first = models.GenericIPAddressField(_("first address"))
    length = models.PositiveSmallIntegerField(_("length of the prefix"))
    verified_phones = models.PositiveIntegerField(_("verified phones in 24 hours"))
    unused_sms = models.PositiveIntegerField(_("SMS without a sign-in in 24 hours"))
    short_weight = models.PositiveIntegerField(_("risk weight in 24 hours"))

    class Meta:
        verbose_name = _("totals of a network")
        verbose_name_plural = _("totals of networks")
        constraints = [models.UniqueConstraint(fields=["first", "length"], name="users_networktotals_one_row")]

    def __str__(self) -> str:
        return f"{self.first}/{self.length}"
