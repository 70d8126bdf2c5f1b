"""Operators' sessions in the admin: Django's, in the database. One that was ended goes on under no other key."""

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import transaction

from users.queries import lock_user


class SessionStore(db.SessionStore):
    """Django's settings name the module (SESSION_ENGINE), and Django takes this class from it."""

    def cycle_key(self) -> None:
        """Begin a new session in place of this one: a code of the second factor and a new password do so.

        Raises SessionInterrupted if this one was ended meanwhile. Whoever ends the sessions of a user has locked the
        user's row: either they have ended this one before, or they find the new one.
        """
        if SESSION_KEY not in self:  # before a log-in
            return super().cycle_key()
        with transaction.atomic():
            lock_user(int(self[SESSION_KEY]))
            if not self.session_key or not self.exists(self.session_key):
                raise SessionInterrupted("The session was ended while this request was under way.")
            super().cycle_key()
            self.save()  # Django stores what it contains only after the response
        return None
