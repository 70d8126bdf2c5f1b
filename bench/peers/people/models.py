"""The user of both Django peers: a phone and no password."""

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Upper


class User(AbstractBaseUser, PermissionsMixin):
    mobile = models.CharField(max_length=20, unique=True, null=True)
    mobile_verified = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    date_joined = models.DateTimeField(auto_now_add=True)

    objects = BaseUserManager()

    USERNAME_FIELD = "mobile"

    class Meta:
        # drfpasswordless looks for `mobile__iexact`; without this it would read all users for each code.
        indexes = [models.Index(Upper("mobile"), name="people_upper_mobile")]
