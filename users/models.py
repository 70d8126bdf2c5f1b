"""Users, the devices they sign in from, and the codes they sign in with."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from users import phones
from users.client import named
from users.login.models import Challenge, LoginCode, new_challenge_id
from users.operators.models import EnrolmentToken, OperatorLogin, PhoneSearch
from users.sms.models import NetworkTotals, SiteTotals, SmsDelivery, SmsGateway

__all__ = [
    "Challenge",
    "Device",
    "EnrolmentToken",
    "LoginCode",
    "NetworkTotals",
    "OperatorLogin",
    "PhoneSearch",
    "SiteTotals",
    "SmsDelivery",
    "SmsGateway",
    "User",
    "new_challenge_id",
]

# The digits that a masked phone shows at its end, and that operators may search for.
LAST_DIGITS = 4

# By an index of this expression. As text, because PostgreSQL would not know a parameter for the index's own number.
_LAST_DIGITS = models.Func(
    models.F("phone"), template=f"RIGHT(%(expressions)s, {LAST_DIGITS})", output_field=models.CharField()
)

# A stored password that matches no typed one.
NO_PASSWORD = UNUSABLE_PASSWORD_PREFIX


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> User:
        """Find a user by any usual spelling of their phone. The admin's log-in form calls this."""
        try:
            return self.get(phone=phones.normalise(username or ""))
        except (phones.InvalidPhone, phones.RegionNotAllowed) as error:
            raise self.model.DoesNotExist from error

    def with_last_digits(self, digits: str) -> models.QuerySet[User]:
        """Users whose phone ends with these LAST_DIGITS digits."""
        return self.alias(last_digits=_LAST_DIGITS).filter(last_digits=digits)


class User(AbstractBaseUser, PermissionsMixin):
    """A user, identified by one phone. Created at the first sign-up, verified by the first correct code.

    An erased user stays as a tombstone without a phone, so that the votes they received keep an owner.
    """

    phone = models.CharField(_("phone"), max_length=16, unique=True, null=True)
    # Only operators have a usable password.
    password = models.CharField(_("password"), max_length=128, db_default=NO_PASSWORD)
    last_login = models.DateTimeField(_("last sign-in"), null=True, blank=True)
    is_superuser = models.BooleanField(_("superuser"), db_default=False, default=False)
    is_staff = models.BooleanField(_("operator"), db_default=False, default=False)
    is_active = models.BooleanField(_("active"), db_default=True, default=True)
    # For good: votes between test users and others are impossible. See `users.login.test_numbers`.
    is_test = models.BooleanField(_("test user"), db_default=False, default=False)
    created_at = models.DateTimeField(_("created"), db_default=Now())
    verified_at = models.DateTimeField(_("verified"), null=True, blank=True)
    erased_at = models.DateTimeField(_("erased"), null=True, blank=True)
    # A keyed hash of the erased phone, kept for a while: the next user of this phone starts with its limits.
    erased_phone_hash = models.BinaryField(max_length=32, null=True, db_column="erased_trace")

    USERNAME_FIELD = "phone"
    objects = UserManager()

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        permissions = [("view_phone", _("Can see full phone numbers"))]
        indexes = [
            models.Index(
                fields=["erased_phone_hash"],
                name="users_user_erased_trace",
                condition=Q(erased_phone_hash__isnull=False),
            ),
            # For searches of the admin by the last digits.
            models.Index(_LAST_DIGITS, name="users_user_last_digits"),
            # For the filters of the admin's list of users, each of which finds few of them.
            models.Index(fields=["id"], name="users_user_operators", condition=Q(is_staff=True)),
            models.Index(fields=["id"], name="users_user_unverified", condition=Q(verified_at=None)),
            models.Index(fields=["id"], name="users_user_disabled", condition=Q(is_active=False, erased_at=None)),
            models.Index(fields=["id"], name="users_user_erased", condition=Q(erased_at__isnull=False)),
            models.Index(fields=["id"], name="users_user_test", condition=Q(is_test=True)),
        ]
        constraints = [
            models.CheckConstraint(name="users_user_phone_is_e164", condition=Q(phone__regex=r"^\+[1-9][0-9]{6,14}$")),
            models.CheckConstraint(
                name="users_user_phone_null_iff_erased",
                condition=Q(phone__isnull=True, erased_at__isnull=False)
                | Q(phone__isnull=False, erased_at__isnull=True),
            ),
            models.CheckConstraint(
                name="users_user_test_no_operator", condition=Q(is_test=False) | Q(is_staff=False, is_superuser=False)
            ),
        ]

    def __str__(self) -> str:
        return phones.mask(self.phone) if self.phone else gettext("erased user, ID %(id)d") % {"id": self.pk}


class Device(models.Model):
    """A client that signed in: its session (it may refresh tokens) and its trust (it is a known device of the user).

    The two end separately. Signing out ends the session only, so the device is known at the next sign-in.
    """

    # The first column of an index below, so it needs none of its own.
    user = models.ForeignKey(User, models.CASCADE, db_index=False, related_name="devices", verbose_name=_("user"))
    user_agent = models.CharField(_("client"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created"))

    # New at each sign-in, so that tokens of an earlier session on the same device stop working.
    session_id = models.UUIDField(_("session"), unique=True)
    signed_in_at = models.DateTimeField(_("signed in"))
    refreshed_at = models.DateTimeField(_("last active"))
    refresh_jti = models.UUIDField(_("refresh token"))
    previous_jti = models.UUIDField(_("refresh token before"), null=True)
    # The current pair, until its access token or its refresh token is used. Any other value means that it was used:
    # a version without this column exchanges refresh tokens too and leaves it as it is.
    unused_jti = models.UUIDField(_("unused pair"), null=True)
    # Pairs that nobody used before another one took their place, newest first. Whoever uses one has stolen it.
    superseded_jtis = ArrayField(models.UUIDField(), verbose_name=_("superseded pairs"), null=True)
    ended_at = models.DateTimeField(_("ended"), null=True)

    # The device token is derived from the nonce and a key outside the database. Only its hash is stored.
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

    @property
    def client(self) -> str:
        """Its name, as the user's own list of devices has it."""
        return named(self.user_agent) or gettext("unknown client")
