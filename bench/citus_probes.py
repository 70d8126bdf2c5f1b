"""The probes of bench.citus: calls of the service's own functions, in an order in which each finds what it needs."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.test import Client

from profiles import daily_counts, privacy, signup
from profiles.models import Profile
from profiles.queries import cycles_through, search
from users import accounts, limit_queries, queries
from users.login import codes, devices, signin, sms_limits, tokens
from users.login.challenges import ChallengeIssued
from users.login.signin import InvalidCode, SignedIn
from users.models import Challenge, Device, User
from users.operators import phone_searches
from users.sms import queries as sms

ME = "/api/v1/profiles/me"
CLAIM_FOR = timedelta(seconds=12)


@dataclass
class Person:
    phone: str
    address: str
    asked: ChallengeIssued | None = None
    session: SignedIn | None = None
    client: Client = field(default_factory=lambda: Client(raise_request_exception=True))

    @property
    def user(self) -> User:
        return User.objects.get(phone=self.phone)

    def ask(self, **given: Any) -> ChallengeIssued:
        self.asked = signup.sign_up(self.phone, address=self.address, language="en", **given)
        return self.asked

    @property
    def challenge_id(self) -> str:
        assert self.asked, "needs the sign-up before it"
        return self.asked.challenge_id

    def code(self) -> str:
        code = Challenge.objects.select_related("login_code").get(public_id=self.challenge_id).login_code
        return codes.derive(code.nonce, code.length)

    def mistype(self) -> bool:
        code = self.code()
        try:
            signin.sign_in(f"{(int(code) + 1) % 10 ** len(code):0{len(code)}}", challenge_id=self.challenge_id)
        except InvalidCode as error:
            return error.attempts_left is not None
        return False

    def sign_in(self) -> SignedIn:
        self.session = signin.sign_in(self.code(), challenge_id=self.challenge_id, address=self.address)
        return self.session

    @property
    def pair(self) -> tokens.TokenPair:
        assert self.session, "needs the log-in before it"
        return self.session.tokens

    def call(self, method: str, path: str, **given: Any) -> Any:
        answer = getattr(self.client, method)(
            path, HTTP_HOST="localhost", HTTP_AUTHORIZATION=f"Bearer {self.pair.token}", **given
        )
        if answer.status_code >= 400:
            raise AssertionError(f"{answer.status_code} {answer.content.decode()[:200]}")
        return answer


class Probes:
    def __init__(self) -> None:
        self.inviter, self.voter, self.other = (Person(f"+7999000000{n}", f"192.0.2.{n}") for n in (1, 2, 3))

    def all(self) -> Iterator[tuple[str, Callable[[], Any]]]:
        yield from self._signing_in()
        yield from self._using()
        yield from self._working()
        yield from self._ending()

    def _signing_in(self) -> Iterator[tuple[str, Callable[[], Any]]]:
        for who in (self.inviter, self.voter, self.other):
            yield f"sign-up of a new phone ({who.phone[-1]})", who.ask
        yield "sign-up again: the same challenge", lambda: self.voter.ask(challenge_id=self.voter.challenge_id)
        yield "the worker claims SMS", self._claim
        yield "a wrong code", self.voter.mistype
        for who in (self.inviter, self.voter, self.other):
            yield f"log-in ({who.phone[-1]})", who.sign_in
        yield "the same log-in again, its response was lost", self.voter.sign_in
        yield "sign-up of a known device", lambda: self.voter.ask(device_token=self._session().device_token)
        yield "refresh", lambda: tokens.refresh(self.voter.pair.refresh)
        yield "the same refresh again, its response was lost", lambda: tokens.refresh(self.voter.pair.refresh)

    def _using(self) -> Iterator[tuple[str, Callable[[], Any]]]:
        inviter, voter = self.inviter, self.voter
        yield "own profile", lambda: inviter.call("get", ME)
        yield "a wrong invite code", self._vote_for_nobody
        yield "vote: activate an invite code", lambda: self._vote(voter, inviter)
        yield "vote back, which closes a ring", lambda: self._vote(inviter, voter)
        yield "invitations, by page", lambda: inviter.call("get", f"{ME}/invitations")
        yield "own profile with a vote", lambda: voter.call("get", ME)
        yield "devices", lambda: voter.call("get", "/api/v1/devices")
        yield "export", lambda: b"".join(voter.call("get", f"{ME}/export").streaming_content)

    def _working(self) -> Iterator[tuple[str, Callable[[], Any]]]:
        yield "wake the worker (NOTIFY)", sms.announce
        yield "wait for news (LISTEN)", lambda: sms.listen("default")
        yield "the length of the queue", lambda: queries.queue(queries.database_now())
        yield "a failure of a gateway, twice", self._gateway_fails
        yield "totals of the site and its networks", lambda: sms_limits.count_site(queries.database_now())
        yield "the same again, which changes them", lambda: sms_limits.count_site(queries.database_now())
        yield "the risk weight of the site", self._weigh
        yield "locks of an address's networks", self._lock_networks
        yield "a job of the worker", self._defer
        yield "staff: find a phone", lambda: list(search(self._operator(), phone=self.voter.phone))
        yield "staff: list profiles with votes", lambda: list(search(self._operator(), has_activated=True))
        yield "staff: rings of votes", lambda: cycles_through([self.voter.user.pk])
        yield "staff: days of the home page", lambda: daily_counts.store(queries.database_now())
        yield "staff: searches of an operator are counted", self._search
        yield "counts of votes are right", self._counts_are_right

    def _ending(self) -> Iterator[tuple[str, Callable[[], Any]]]:
        yield "end all sessions", lambda: devices.revoke_all(self.other.user, queries.database_now())
        yield "disable a user", lambda: accounts.disable(self.other.user)
        yield "enable the user", lambda: accounts.enable(self.other.user)
        yield "sign out", lambda: tokens.sign_out(self.inviter.pair.refresh)
        yield (
            "a user erases themselves",
            lambda: privacy.erase(Device.objects.filter(user=self.voter.user).latest("id")),
        )
        yield "sign-up with the erased phone", self.voter.ask
        yield "purge what is old", lambda: privacy.purge(queries.database_now() + timedelta(days=40))
        yield "counts of votes are still right", self._counts_are_right

    def _session(self) -> SignedIn:
        assert self.voter.session, "needs the log-in before it"
        return self.voter.session

    def _claim(self) -> bool:
        claimed = sms.claim(20, "1 webhook", 2, CLAIM_FOR)
        done = [
            {"id": one.id, "code": one.code.pk, "until": one.until.isoformat(), "state": "sent", "gateway": "1 webhook"}
            | {"reference": "", "error": "", "open_tries": None, "failed_rounds": 0, "wait": 0.0}
            for one in claimed
        ]
        return len(claimed) == 3 and not sms.record(done).locked

    def _vote(self, voter: Person, inviter: Person) -> Any:
        code = Profile.objects.get(user=inviter.user).invite_code
        return voter.call("post", ME, data={"activated_invite": code})

    def _vote_for_nobody(self) -> bool:
        try:
            self.voter.call("post", ME, data={"activated_invite": "222222"})
        except AssertionError as error:
            return "invite_code_not_found" in str(error)
        return False

    def _gateway_fails(self) -> None:
        for _ in range(2):
            sms.count_gateway_failure("1 webhook", "fault", failures=1, limit=2, open_for=timedelta(seconds=30))

    def _weigh(self) -> None:
        limit_queries.site_risk_weight(queries.database_now(), weight=3, site=497)

    def _lock_networks(self) -> bool:
        with transaction.atomic():
            return bool(sms_limits.costs(self.other.phone, self.other.address))

    def _defer(self) -> object:
        from users.sms.tasks import count_site

        with transaction.atomic():
            job = count_site.configure(queueing_lock=str(uuid.uuid4())).defer(timestamp=0)
            transaction.set_rollback(True)
        return job

    def _operator(self) -> User:
        User.objects.filter(phone=self.inviter.phone).update(is_staff=True)
        return self.inviter.user

    def _search(self) -> None:
        phone_searches.check(self._operator(), self.other.phone, "the probes")

    def _counts_are_right(self) -> bool:
        return all(profile.invitations_count == profile.activations.count() for profile in Profile.objects.all())
