"""Sign-in codes, and the requests for them."""

import secrets

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from users import widest_network
from users.login import codes


class LoginCode(models.Model):
    """One code for a phone. Its digits are not stored: they follow from the nonce and a key outside the database.

    An *open* code accepts challenges and can be sent again. A *valid* code can sign in.
    """

    # The first column of an index below, so it needs none of its own.
    user = models.ForeignKey(
        "users.User", models.CASCADE, db_index=False, related_name="login_codes", verbose_name=_("user")
    )
    device = models.ForeignKey(
        "users.Device",
        models.CASCADE,
        null=True,
        db_index=False,
        related_name="login_codes",
        verbose_name=_("track: known device"),
    )
    # The user who changes their phone to this one with the code. None: the code signs in. Without a constraint, because
    # the row of a verified user is never deleted.
    changing_user = models.ForeignKey(
        "users.User", models.DO_NOTHING, null=True, db_index=False, db_constraint=False, related_name="+"
    )
    length = models.PositiveSmallIntegerField(_("length"), db_column="digits")
    nonce = models.BinaryField(max_length=16)
    language = models.CharField(_("language"), max_length=8)
    challenges = models.PositiveIntegerField(_("sign-in requests"), default=0)
    wrong = models.PositiveIntegerField(_("wrong guesses"), default=0)
    created_at = models.DateTimeField(_("created"))
    sent_at = models.DateTimeField(_("last sent"))
    open_until = models.DateTimeField(
        _("sent again until"), help_text=_("Until then, another request sends the same code.")
    )
    expires_at = models.DateTimeField(_("the code works until"))
    closed_at = models.DateTimeField(_("closed"), null=True, help_text=_("Since then, a request makes a new code."))
    used_at = models.DateTimeField(_("used"), null=True)

    class Meta:
        verbose_name = _("login code")
        verbose_name_plural = _("login codes")
        indexes = [
            models.Index(fields=["user", "created_at"], name="users_logincode_of_user"),
            models.Index(fields=["created_at"], name="users_logincode_created"),
            # Most codes have no device. If the index had them, plans without statistics would read them all.
            models.Index(fields=["device"], name="users_logincode_of_device", condition=Q(device__isnull=False)),
            models.Index(
                fields=["changing_user"], name="users_logincode_changes", condition=Q(changing_user__isnull=False)
            ),
            # For the risk weight of the whole site: the valid short codes, and those with wrong guesses.
            models.Index(
                fields=["expires_at"], name="users_logincode_short", condition=Q(length=codes.SHORT, device=None)
            ),
            models.Index(
                fields=["expires_at"],
                include=["wrong"],
                name="users_logincode_guessed",
                condition=Q(length=codes.SHORT, device=None, wrong__gt=0),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                name="users_logincode_one_open_each",
                fields=["user", "device", "length", "changing_user"],
                condition=Q(closed_at__isnull=True),
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                name="users_logincode_change_is_unknown", condition=Q(changing_user=None) | Q(device=None)
            ),
            models.CheckConstraint(name="users_logincode_digits", condition=Q(length__in=codes.LENGTHS)),
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
    """One client's request to sign in. It has attempts of its own, so no client consumes another's."""

    public_id = models.CharField(_("public id"), max_length=22, unique=True, default=new_challenge_id)
    login_code = models.ForeignKey(LoginCode, models.CASCADE, related_name="attached", verbose_name=_("login code"))
    address = models.GenericIPAddressField(_("address"), null=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    # Those of them that found the challenge by phone and address: strangers may share the address. After a success,
    # those that stay wrong guesses.
    attempts_by_phone = models.PositiveSmallIntegerField(_("attempts by phone"), db_default=0)
    created_at = models.DateTimeField(_("created"))
    # The session that its correct code opened: a repeated log-in gets the same one.
    session_id = models.UUIDField(_("session"), null=True)

    class Meta:
        verbose_name = _("challenge")
        verbose_name_plural = _("challenges")
        indexes = [
            # For the version before. The next one may drop it.
            models.Index(fields=["address", "created_at"], name="users_challenge_of_address"),
            models.Index(widest_network.expression("address"), "created_at", name="users_challenge_of_network"),
        ]
        constraints = [
            models.CheckConstraint(name="users_challenge_attempts", condition=Q(attempts__lte=codes.MAX_ATTEMPTS)),
        ]

    def __str__(self) -> str:
        return f"challenge {self.pk}"
