"""Each user's invite code, and the activations of these codes."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from profiles import invite_codes
from profiles.webhooks.models import WebhookDelivery, WebhookEndpoint
from users.models import User

__all__ = [
    "Activation",
    "DailyStats",
    "FailedActivation",
    "Profile",
    "Receipt",
    "Result",
    "VotingPeriod",
    "WebhookDelivery",
    "WebhookEndpoint",
]


class Profile(models.Model):
    """A user's own invite code, and how many users activated it."""

    user = models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="profile", verbose_name=_("user"))
    invite_code = models.CharField(_("invite code"), max_length=invite_codes.LENGTH, unique=True)
    invitations_count = models.PositiveIntegerField(_("votes received"), db_default=0, default=0)
    created_at = models.DateTimeField(_("created"), db_default=Now())

    class Meta:
        verbose_name = _("profile")
        verbose_name_plural = _("profiles")
        indexes = [
            models.Index(fields=["created_at", "user"], name="profiles_profile_created"),
            models.Index(fields=["invitations_count", "user"], name="profiles_profile_invitations"),
        ]
        constraints = [
            models.CheckConstraint(
                name="profiles_profile_invite_code", condition=Q(invite_code__regex=f"^{invite_codes.PATTERN}$")
            ),
        ]

    def __str__(self) -> str:
        return self.invite_code


class NewNonce(models.Func):
    """16 bytes that nobody can guess: of the SHA-256 of two random UUIDs, with 122 random bits each."""

    template = "substr(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 1, 16)"
    output_field = models.BinaryField()


class Activation(models.Model):
    """A vote: the invitee activated the inviter's code. At most one for each invitee, who is the primary key.

    Nobody activates their own code: a constraint.
    """

    invitee = models.OneToOneField(
        Profile, models.PROTECT, primary_key=True, related_name="activation", verbose_name=_("invitee")
    )
    inviter = models.ForeignKey(
        Profile, models.PROTECT, db_index=False, related_name="activations", verbose_name=_("inviter")
    )
    created_at = models.DateTimeField(_("time of the vote"), db_default=Now())
    # For the receipt, which the vote has once the results are published: see `profiles.results`. NULL: an old vote.
    nonce = models.BinaryField(null=True, db_default=NewNonce())
    receipt = models.BinaryField(null=True)

    class Meta:
        verbose_name = _("vote")
        verbose_name_plural = _("votes")
        indexes = [
            models.Index(fields=["inviter", "created_at", "invitee"], name="profiles_activation_newest"),
            models.Index(fields=["created_at", "invitee"], name="profiles_activation_created"),
        ]
        constraints = [
            models.CheckConstraint(name="profiles_activation_not_oneself", condition=~Q(inviter=F("invitee"))),
        ]

    def __str__(self) -> str:
        given = {"invitee": self.invitee.user, "inviter": self.inviter.user}
        return gettext("Vote of %(invitee)s for %(inviter)s") % given


class VotingPeriod(models.Model):
    """When votes are accepted. There is one row, or none while no operator has set a time."""

    id = models.PositiveSmallIntegerField(primary_key=True, db_default=1, default=1)
    opens_at = models.DateTimeField(_("opens"), null=True, blank=True)
    closes_at = models.DateTimeField(_("closes"), null=True, blank=True)
    results_published_at = models.DateTimeField(_("results published"), null=True)
    # The period as the receipts contain it, and the hash of the public file. Empty before.
    results_period = models.CharField(max_length=64, db_default="", default="")
    results_sha256 = models.CharField(_("SHA-256 of the file"), max_length=64, db_default="", default="")

    class Meta:
        verbose_name = _("voting period")
        verbose_name_plural = _("voting period")
        default_permissions = ("view", "change")
        constraints = [
            models.CheckConstraint(name="profiles_votingperiod_one_row", condition=Q(id=1)),
            models.CheckConstraint(
                name="profiles_votingperiod_closes_after_opening",
                condition=Q(opens_at=None) | Q(closes_at=None) | Q(closes_at__gt=F("opens_at")),
                violation_error_message=_("The voting period must end after it begins."),
            ),
            models.CheckConstraint(
                name="profiles_votingperiod_published",
                condition=Q(results_published_at=None)
                | Q(
                    closes_at__isnull=False,
                    closes_at__lte=F("results_published_at"),
                    results_sha256__regex="^[0-9a-f]{64}$",
                ),
            ),
        ]

    def __str__(self) -> str:
        return gettext("Voting period")


class Result(models.Model):
    """A line of the published results. A trigger refuses all changes after that."""

    place = models.PositiveIntegerField(_("place"))
    invite_code = models.CharField(_("invite code"), max_length=invite_codes.LENGTH, db_collation="C")
    votes = models.PositiveIntegerField(_("votes"))

    class Meta:
        verbose_name = _("result")
        verbose_name_plural = _("results")
        default_permissions = ("view",)
        indexes = [models.Index(fields=["place", "id"], name="profiles_result_place")]
        constraints = [models.UniqueConstraint(fields=["invite_code"], name="profiles_result_invite_code")]

    def __str__(self) -> str:
        return f"{self.place}. {self.invite_code}"


class Receipt(models.Model):
    """A vote in the published results, without a reference to the voter. A trigger refuses all changes after that."""

    pk = models.CompositePrimaryKey("invite_code", "receipt")
    invite_code = models.CharField(max_length=invite_codes.LENGTH, db_collation="C")
    receipt = models.BinaryField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.invite_code} {bytes(self.receipt).hex()}"


class FailedActivation(models.Model):
    """A failed activation: a user typed an invite code that no user has."""

    user = models.ForeignKey(User, models.CASCADE, db_index=False, related_name="+", verbose_name=_("user"))
    created_at = models.DateTimeField(_("tried"), db_default=Now())

    class Meta:
        db_table = "profiles_miss"  # the name of the version before, whose processes use it during an upgrade
        verbose_name = _("wrong invite code")
        verbose_name_plural = _("wrong invite codes")
        indexes = [models.Index(fields=["user", "created_at"], name="profiles_miss_of_user")]

    def __str__(self) -> str:
        return f"failed activation {self.pk}"


class DailyStats(models.Model):
    """The counts of one finished day, in the service's time zone. They stay when the counted rows are deleted."""

    day = models.DateField(_("day"), primary_key=True)
    sign_ups = models.PositiveIntegerField(_("sign-ups"))
    activations = models.PositiveIntegerField(_("activations"))
    sms_sent = models.PositiveIntegerField(_("SMS sent"))
    codes_used = models.PositiveIntegerField(_("codes verified"))

    class Meta:
        db_table = "profiles_day"  # the name of the version before
        verbose_name = _("day")
        verbose_name_plural = _("days")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.day:%F}"
