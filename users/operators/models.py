"""What is kept of operators: log-ins to the admin, searches, and tokens for setting up the second factor."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from users.client import named


class OperatorLogin(models.Model):
    """One log-in of an operator to the admin, or one try."""

    class Outcome(models.TextChoices):
        OK = "ok", _("logged in")
        PASSWORD_ONLY = "password", _("password right, no code yet")
        WRONG_PASSWORD = "wrong_password", _("wrong password")
        WRONG_CODE = "wrong_code", _("wrong second factor")
        LOCKED = "locked", _("locked")

    # The first column of the index below, so it needs none of its own.
    user = models.ForeignKey(
        "users.User", models.CASCADE, db_index=False, related_name="operator_logins", verbose_name=_("user")
    )
    outcome = models.CharField(_("outcome"), max_length=16, choices=Outcome.choices)
    address = models.GenericIPAddressField(_("address"), null=True)
    # The first address of its network, which counts as one.
    network = models.GenericIPAddressField()
    # Whether the operator had logged in with the second factor from this network before.
    is_known = models.BooleanField(db_default=False)
    user_agent = models.CharField(_("client"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("time"))

    class Meta:
        verbose_name = _("log-in to the admin")
        verbose_name_plural = _("log-ins to the admin")
        # Nobody gets to them but by the page of a user.
        default_permissions = ()
        indexes = [
            models.Index(fields=["user", "-created_at"], name="users_operatorlogin_of_user"),
            models.Index(fields=["created_at"], name="users_operatorlogin_created"),
        ]
        constraints = [
            models.CheckConstraint(
                name="users_operatorlogin_outcome",
                condition=Q(outcome__in=["ok", "password", "wrong_password", "wrong_code", "locked"]),
            ),
        ]

    def __str__(self) -> str:
        return f"log-in {self.pk}"

    @property
    def client(self) -> str:
        """Browser and system, as in the list of devices."""
        return named(self.user_agent)

    @property
    def tone(self) -> str:
        """How the admin marks the outcome, as `SmsDelivery.tone`."""
        tones = {self.Outcome.OK: "good", self.Outcome.PASSWORD_ONLY: "open"}
        return tones.get(self.Outcome(self.outcome), "bad")


class PhoneSearch(models.Model):
    """An operator who sees masked phones searched for a full phone number."""

    operator = models.ForeignKey("users.User", models.CASCADE, db_index=False, related_name="phone_searches")
    # A keyed hash: the same phone again tells nothing new, so it does not count again.
    phone_hash = models.BinaryField(max_length=32)
    created_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(fields=["operator", "created_at"], name="users_phonesearch_of_operator"),
            models.Index(fields=["created_at"], name="users_phonesearch_created"),
        ]

    def __str__(self) -> str:
        return f"phone search {self.pk}"


class EnrolmentToken(models.Model):
    """Lets an operator set up the second factor, once. `users.operators.enrolment` has the rules."""

    user = models.OneToOneField("users.User", models.CASCADE, primary_key=True, related_name="enrolment_token")
    token_hash = models.BinaryField(max_length=32)
    expires_at = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"enrolment token of user {self.pk}"
