"""The client: signs in, keeps the tokens, and calls every operation."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager
from typing import Any, Self

import httpx

from inviting_app_client.operations import Operations
from inviting_app_client.problem import Problem
from inviting_app_client.sending import ATTEMPT_SECONDS, Sender
from inviting_app_client.types import LoginAnswer, LoginRequest, OwnProfileAnswer, SignupAnswer, SignupRequest

# What is kept in the store. The last is the time at which an exchange of the refresh token began; it is removed after.
REFRESH, ACCESS, DEVICE, CHALLENGE, REFRESHING = "refresh", "access", "device_token", "challenge_id", "refreshing"
# A log-in may be repeated only within ten seconds, and a sign-up is waited for by a user.
SIGN_IN_ATTEMPTS = 2
# A lost refresh may be repeated at any time.
REFRESH_ATTEMPTS = 4
# Seconds by which an access token is given up before it expires.
MARGIN = 15
# Seconds between two looks at whether another process has finished its refresh.
LOOK_EVERY = 0.2
# Operations whose DELETE ends the user's own session and the device's trust.
ENDING = {"/api/v1/devices", "/api/v1/profiles/me"}


class Client(Operations):
    """One user of one service. May be used by several threads.

    `store` keeps the tokens: a mapping that is durable and private, such as one on the platform's keychain. Without it
    the user is signed out at the end of the process. Processes that share a store should share a `lock` too, such as
    `filelock.FileLock`. `longest_wait` bounds, in seconds, how long reading and refreshing wait for `Retry-After`.
    """

    def __init__(
        self,
        site: str,
        store: MutableMapping[str, str] | None = None,
        *,
        lock: AbstractContextManager[object] | None = None,
        headers: Mapping[str, str] | None = None,
        transport: httpx.BaseTransport | None = None,
        longest_wait: float = 60,
    ) -> None:
        self._store = {} if store is None else store
        self._lock = lock or threading.Lock()
        self._sender = Sender(site, headers or {}, transport, longest_wait)
        # The access token, until when, and the device token, which is another one for each user. It is stored, too:
        # processes that share the store then refresh once.
        self._access: tuple[str, float, str | None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections. The user stays signed in."""
        self._sender.close()

    @property
    def is_signed_in(self) -> bool:
        return REFRESH in self._store

    def sign_up(self, phone: str) -> SignupAnswer:
        """Request a sign-in code for this phone, as it was typed. Call it again for another SMS, after `resend_in`."""
        device, challenge = self._store.get(DEVICE), self._store.get(CHALLENGE)
        body: SignupRequest = {"phone": phone, "device_token": device, "challenge_id": challenge}
        issued: SignupAnswer = self._sender.send("POST", "/api/auth/signup", body=body, attempts=SIGN_IN_ATTEMPTS)
        self._store[CHALLENGE] = issued["challenge_id"]
        return issued

    def log_in(self, code: str) -> LoginAnswer:
        """Sign in with the code, as it was typed. If `requested_by_others` is true, warn the user."""
        body: LoginRequest = {"code": code, "challenge_id": self._store.get(CHALLENGE)}
        with self._lock:
            answer: LoginAnswer = self._sender.send("POST", "/api/auth/login", body=body, attempts=SIGN_IN_ATTEMPTS)
            self._forget(REFRESH)  # a crash leaves no session of a former user beside this user's device
            self._store[DEVICE] = answer["device_token"]
            self._keep(answer)
            self._store.pop(CHALLENGE, None)
        return answer

    def sign_out(self) -> None:
        """End the session. The device stays known. The tokens are gone even if this raises Problem."""
        with self._lock:
            try:
                if refresh := self._store.get(REFRESH):
                    self._sender.send("POST", "/api/auth/logout", body={"refresh": refresh})
            except Problem as problem:
                if problem.status != 401:
                    raise
            finally:
                self._forget(REFRESH)

    def activate(self, invite_code: str) -> OwnProfileAnswer:
        """Activate the invite code of another user. It succeeds if this code was activated before."""
        try:
            return self.me_activate({"activated_invite": invite_code})
        except Problem as problem:
            activated = problem.members.get("activated_invite")
            if not activated or letters(activated) != letters(invite_code):
                raise
        return self.me_read()

    def _call(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        query: Mapping[str, Any] | None = None,
        anonymous: bool = False,
    ) -> Any:
        user = self._user()
        token = None if anonymous else self._token(user)
        try:
            answer = self._sender.send(method, path, body=body, query=query, token=token)
        except Problem as problem:
            if problem.status != 401 or token is None or not (fresh := self._token(user, token)):
                raise
            answer = self._sender.send(method, path, body=body, query=query, token=fresh)
        if method == "DELETE" and path in ENDING:
            with self._lock:
                self._end(user)
        return answer

    def _all(self, read: Callable[[str | None], Any]) -> Iterator[Any]:
        page = read(None)
        yield from page["results"]
        while page["next_cursor"]:
            page = read(page["next_cursor"])
            yield from page["results"]

    def _user(self) -> str | None:
        """Who uses this client now: the device token, which is another one for each user."""
        access = self._access  # another thread may sign out meanwhile
        return access[2] if access else self._store.get(DEVICE)

    def _token(self, user: str | None, refused: str | None = None) -> str | None:
        """An access token of this user other than the refused one. One thread refreshes for all.

        It is None if nobody is signed in, and if another user has signed in meanwhile, also in another process: nothing
        may be done in that user's name.
        """
        if token := self._live_token(user, refused):
            return token
        with self._lock:
            self._wait_for_others()
            if self._store.get(DEVICE) != user:
                return None
            if stored := self._store.get(ACCESS):
                self._access = json.loads(stored)
            if token := self._live_token(user, refused):
                return token
            refresh = self._store.get(REFRESH)
            return self._exchanged(refresh) if refresh else None

    def _live_token(self, user: str | None, refused: str | None) -> str | None:
        token, until, device = self._access or (None, 0.0, None)
        return token if device == user and token != refused and time.time() < until else None

    def _exchanged(self, refresh: str) -> str:
        """A new access token. Signs out if the session has ended."""
        self._store[REFRESHING] = str(time.time())
        try:
            body = {"refresh": refresh}
            pair = self._sender.send("POST", "/api/auth/refresh", body=body, attempts=REFRESH_ATTEMPTS, waits=True)
            return self._keep(pair)
        except Problem as problem:
            if problem.status == 401 and self._store.get(REFRESH) == refresh:
                self._forget(REFRESH)
            raise
        finally:
            self._store.pop(REFRESHING, None)

    def _wait_for_others(self) -> None:
        """Wait while an exchange by a process that has crashed, or that shares only the store, may be under way."""
        deadline = time.monotonic() + ATTEMPT_SECONDS
        while (began := self._store.get(REFRESHING)) and time.monotonic() < deadline:
            if time.time() - float(began) >= ATTEMPT_SECONDS:
                return
            time.sleep(LOOK_EVERY)

    def _keep(self, pair: Mapping[str, Any]) -> str:
        """Store the pair before it is used: a pair that is lost before its first use can be requested again."""
        self._store[REFRESH] = pair["refresh"]
        token: str = pair["token"]
        self._access = token, time.time() + pair["expires_in"] - MARGIN, self._store.get(DEVICE)
        self._store[ACCESS] = json.dumps(self._access)
        return token

    def _end(self, user: str | None) -> None:
        """Forget this user, whose session has ended, and nothing of another one who has signed in meanwhile."""
        if self._store.get(DEVICE) == user:
            self._forget(REFRESH, DEVICE)
        else:
            self._access = None

    def _forget(self, *names: str) -> None:
        self._access = None
        for name in (ACCESS, *names):
            self._store.pop(name, None)


def letters(invite_code: str) -> str:
    """The code without case, spaces and dashes."""
    return "".join(filter(str.isalnum, invite_code)).upper()
