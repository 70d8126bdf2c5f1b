"""Who someone is: people, the devices they sign in from, and the codes that let them in."""

from __future__ import annotations

import secrets

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from users import phones
from users.login import codes

# A stored password that no typed one can match.
NO_PASSWORD = UNUSABLE_PASSWORD_PREFIX


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> User:
        """Find a person by any spelling of their phone: the admin's log-in form asks this way."""
        try:
            return self.get(phone=phones.normalise(username or ""))
        except (phones.InvalidPhone, phones.RegionNotAllowed) as error:
            raise self.model.DoesNotExist from error


class User(AbstractBaseUser, PermissionsMixin):
    """A person, known by one phone. Made at the first sign-up, verified by the first right code.

    An erased person stays as a tombstone without a phone, so that the votes they received keep an owner.
    """

    phone = models.CharField(_("phone"), max_length=16, unique=True, null=True)
    # Only operators have one that can be typed.
    password = models.CharField(_("password"), max_length=128, db_default=NO_PASSWORD)
    last_login = models.DateTimeField(_("last sign-in"), null=True, blank=True)
    is_superuser = models.BooleanField(_("superuser"), db_default=False, default=False)
    is_staff = models.BooleanField(_("staff"), db_default=False, default=False)
    is_active = models.BooleanField(_("active"), db_default=True, default=True)
    created_at = models.DateTimeField(_("created"), db_default=Now())
    verified_at = models.DateTimeField(_("verified"), null=True, blank=True)
    erased_at = models.DateTimeField(_("erased"), null=True, blank=True)
    # For a while after the erasure: by it the phone's next person goes on with its limits, see people.py.
    erased_trace = models.BinaryField(max_length=32, null=True)

    USERNAME_FIELD = "phone"
    objects = UserManager()

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        permissions = [("view_phone", _("Can see whole phones"))]
        indexes = [
            models.Index(
                fields=["erased_trace"], name="users_user_erased_trace", condition=Q(erased_trace__isnull=False)
            ),
            # The few whom operators look for among all, see admin.py.
            models.Index(fields=["id"], name="users_user_operators", condition=Q(is_staff=True)),
            models.Index(fields=["id"], name="users_user_unverified", condition=Q(verified_at=None)),
            models.Index(fields=["id"], name="users_user_disabled", condition=Q(is_active=False, erased_at=None)),
            models.Index(fields=["id"], name="users_user_erased", condition=Q(erased_at__isnull=False)),
        ]
        constraints = [
            models.CheckConstraint(name="users_user_phone_is_e164", condition=Q(phone__regex=r"^\+[1-9][0-9]{6,14}$")),
            models.CheckConstraint(
                name="users_user_phone_null_iff_erased",
                condition=Q(phone__isnull=True, erased_at__isnull=False)
                | Q(phone__isnull=False, erased_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return phones.mask(self.phone) if self.phone else gettext("erased person %(id)d") % {"id": self.pk}


class Device(models.Model):
    """One client that signed in: its session (may ask for tokens) and its trust (is known to the person).

    The two end apart. Signing out ends the session and keeps the trust, so the next sign-in from here is a known one.
    """

    # The first column of indexes below, so it needs none of its own.
    user = models.ForeignKey(User, models.CASCADE, db_index=False, related_name="devices", verbose_name=_("person"))
    user_agent = models.CharField(_("client"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created"))

    # A new id for each sign-in, so a token of an earlier session on the same device opens nothing.
    session_id = models.UUIDField(_("session"), unique=True)
    signed_in_at = models.DateTimeField(_("signed in"))
    refreshed_at = models.DateTimeField(_("refreshed"))
    refresh_jti = models.UUIDField(_("refresh token"))
    previous_jti = models.UUIDField(_("refresh token before"), null=True)
    ended_at = models.DateTimeField(_("ended"), null=True)

    # The secret is derived from the nonce and a key outside the database; here is only its hash.
    trust_nonce = models.BinaryField(max_length=16)
    trust_hash = models.BinaryField(max_length=32, null=True, unique=True)
    trusted_until = models.DateTimeField(_("trusted until"), null=True)

    class Meta:
        verbose_name = _("device")
        verbose_name_plural = _("devices")
        indexes = [models.Index(fields=["user", "-signed_in_at"], name="users_device_of_user")]
        constraints = [
            models.CheckConstraint(
                name="users_device_trust_has_an_end",
                condition=Q(trust_hash__isnull=True, trusted_until__isnull=True)
                | Q(trust_hash__isnull=False, trusted_until__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return gettext("device %(id)d") % {"id": self.pk}


class LoginCode(models.Model):
    """One code for a phone, never stored: its digits follow from the nonce and a key outside the database.

    *Open*: may be joined by another challenge and sent again. *Valid*: a right guess signs in.
    """

    # The first column of indexes below, so it needs none of its own.
    user = models.ForeignKey(User, models.CASCADE, db_index=False, related_name="login_codes", verbose_name=_("person"))
    device = models.ForeignKey(
        Device, models.CASCADE, null=True, related_name="login_codes", verbose_name=_("lane: known device")
    )
    digits = models.PositiveSmallIntegerField(_("length"))
    nonce = models.BinaryField(max_length=16)
    language = models.CharField(_("language"), max_length=8)
    challenges = models.PositiveIntegerField(_("challenges"), default=0)
    wrong = models.PositiveIntegerField(_("wrong guesses"), default=0)
    created_at = models.DateTimeField(_("created"))
    sent_at = models.DateTimeField(_("last sent"))
    open_until = models.DateTimeField(_("open until"))
    expires_at = models.DateTimeField(_("expires"))
    closed_at = models.DateTimeField(_("closed"), null=True)
    used_at = models.DateTimeField(_("used"), null=True)

    class Meta:
        verbose_name = _("login code")
        verbose_name_plural = _("login codes")
        indexes = [
            models.Index(fields=["user", "created_at"], name="users_logincode_of_user"),
            models.Index(fields=["created_at"], name="users_logincode_created"),
            # What the whole site's short codes weigh, see budget.py: those that are valid, and those guessed at.
            models.Index(
                fields=["expires_at"], name="users_logincode_short", condition=Q(digits=codes.SHORT, device=None)
            ),
            models.Index(
                fields=["expires_at"],
                include=["wrong"],
                name="users_logincode_guessed",
                condition=Q(digits=codes.SHORT, device=None, wrong__gt=0),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                name="users_logincode_one_open",
                fields=["user", "device", "digits"],
                condition=Q(closed_at__isnull=True),
                nulls_distinct=False,
            ),
            models.CheckConstraint(name="users_logincode_digits", condition=Q(digits__in=codes.LENGTHS)),
            models.CheckConstraint(
                name="users_logincode_used_is_closed", condition=Q(used_at__isnull=True) | Q(closed_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return gettext("login code %(id)d") % {"id": self.pk}


def new_challenge_id() -> str:
    """A public id of 128 random bits (ASVS 5.0, 7.2.3), in URL-safe text."""
    return secrets.token_urlsafe(16)


class Challenge(models.Model):
    """One client's request to sign in. Guesses are counted here, so nobody spends another's."""

    public_id = models.CharField(_("public id"), max_length=22, unique=True, default=new_challenge_id)
    login_code = models.ForeignKey(LoginCode, models.CASCADE, related_name="joined", verbose_name=_("login code"))
    address = models.GenericIPAddressField(_("address"), null=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    created_at = models.DateTimeField(_("created"))

    class Meta:
        verbose_name = _("challenge")
        verbose_name_plural = _("challenges")
        indexes = [models.Index(fields=["address", "created_at"], name="users_challenge_of_address")]
        constraints = [
            models.CheckConstraint(name="users_challenge_attempts", condition=Q(attempts__lte=codes.MAX_ATTEMPTS)),
        ]

    def __str__(self) -> str:
        return f"challenge {self.pk}"


class SmsDelivery(models.Model):
    """One send of one code: what became of it, never what it said."""

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        SENT = "sent", _("sent")
        FAILED = "failed", _("failed")
        DROPPED = "dropped", _("dropped")

    login_code = models.ForeignKey(LoginCode, models.CASCADE, related_name="deliveries", verbose_name=_("login code"))
    channel = models.CharField(_("channel"), max_length=8, default="sms")
    gateway = models.CharField(_("gateway"), max_length=64, blank=True)
    gateway_ref = models.CharField(_("gateway's reference"), max_length=128, blank=True)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.QUEUED)
    address = models.CharField(_("phone, masked"), max_length=20)
    country = models.CharField(_("country"), max_length=3)
    prefix = models.CharField(_("prefix"), max_length=16)
    error = models.CharField(_("error"), max_length=100, blank=True)
    # The network address that money guards count against; none for known devices, which they let pass.
    asked_from = models.GenericIPAddressField(_("asked from"), null=True)
    created_at = models.DateTimeField(_("created"))
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        verbose_name = _("SMS delivery")
        verbose_name_plural = _("SMS deliveries")
        indexes = [
            models.Index(fields=["created_at"], name="users_smsdelivery_created"),
            models.Index(fields=["asked_from", "created_at"], name="users_smsdelivery_asked_from"),
        ]
        constraints = [
            models.CheckConstraint(
                name="users_smsdelivery_state", condition=Q(state__in=["queued", "sent", "failed", "dropped"])
            ),
        ]

    def __str__(self) -> str:
        return f"SMS {self.pk}"


class SmsGateway(models.Model):
    """What is known of a gateway's health, shared by all workers. A gateway without a row is healthy.

    It is named by its place in SMS_GATEWAYS and its kind, such as `1 twilio`: no other part of its URL is surely free
    of secrets.
    """

    name = models.CharField(_("gateway"), max_length=64, primary_key=True)
    failures = models.PositiveIntegerField(_("failures in a row"), default=0)
    error = models.CharField(_("error"), max_length=100, blank=True)
    failed_at = models.DateTimeField(_("last failed"), null=True)
    skipped_until = models.DateTimeField(_("skipped until"), null=True)

    class Meta:
        verbose_name = _("SMS gateway")
        verbose_name_plural = _("SMS gateways")

    def __str__(self) -> str:
        return self.name


class SiteTotals(models.Model):
    """One row, written once a minute: what would be too much to count at each sign-up."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    counted_at = models.DateTimeField(_("counted"))
    people_a_day = models.FloatField(_("people signed in a day"), help_text=_("mean of seven days"))
    sms_in_a_day = models.PositiveIntegerField(_("SMS in 24 hours"))
    suspect_countries = models.JSONField(_("countries whose codes are not used"), default=list)
    suspect_prefixes = models.JSONField(_("number blocks whose codes are not used"), default=list)

    class Meta:
        verbose_name = verbose_name_plural = _("site totals")
        constraints = [models.CheckConstraint(name="users_sitetotals_one_row", condition=Q(id=1))]

    def __str__(self) -> str:
        return gettext("totals of %(time)s") % {"time": f"{self.counted_at:%F %T}"}
