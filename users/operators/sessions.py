"""Operators' sessions in the admin: Django's, in the database. One that was ended goes on under no other key."""

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import transaction
from django.utils.crypto import constant_time_compare

from users.models import User
from users.queries import lock_user


class SessionStore(db.SessionStore):
    """Django's settings name the module (SESSION_ENGINE), and Django takes this class from it."""

    def cycle_key(self) -> None:
        """Begin a new session in place of this one: a code of the second factor and a new password do so.

        Raises SessionInterrupted if this one was ended meanwhile. Whoever ends the sessions of a user has locked the
        user's row: either they have ended this one before, or they find the new one.

        Under a new SECRET_KEY, Django calls this at the first request and then stores the new hash. That session stays:
        other tabs send requests with its key at the same moment, and so do those that come to a host with the old one.
        """
        if SESSION_KEY not in self:  # before a log-in
            return super().cycle_key()
        with transaction.atomic():
            if self._is_of_another_key(lock_user(int(self[SESSION_KEY])).user):
                return None
            if not self.session_key or not self.exists(self.session_key):
                raise SessionInterrupted("The session was ended while this request was under way.")
            super().cycle_key()
            self.save()  # Django stores what it contains only after the response
        return None

    def store_log_in(self) -> None:
        """Store this session of an operator who has just logged in, which Django does only after the response.

        Raises SessionInterrupted if the session was ended, or the operator disabled, meanwhile. Whoever does that has
        locked the user's row: either they have done it before, or they find this session.
        """
        with transaction.atomic():
            user = lock_user(int(self[SESSION_KEY])).user
            if not (user.is_active and user.is_staff):
                raise SessionInterrupted("The operator was disabled while this log-in was under way.")
            try:
                self.save()
            except UpdateError as error:
                raise SessionInterrupted("The session was ended while this log-in was under way.") from error

    def _is_of_another_key(self, user: User) -> bool:
        """Whether it was made, or used last, under a SECRET_KEY that is in SECRET_KEY_FALLBACKS now."""
        known = user.get_session_auth_fallback_hash()
        return any(constant_time_compare(self.get(HASH_SESSION_KEY, ""), one) for one in known)
