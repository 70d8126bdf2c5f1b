"""The whole flow by openapi-python-client: two users sign in, one activates the other's code, all ends."""

import sys
from dataclasses import dataclass
from typing import Any, TypeVar

from client import AuthenticatedClient, Client
from client.api.auth import login, logout, refresh, signup
from client.api.devices import devices_end, devices_end_all, devices_list
from client.api.profiles import me_activate, me_erase, me_export, me_invitations, me_read
from client.models import (
    ActivateRequest,
    InvitationPage,
    LoginAnswer,
    LoginRequest,
    MeExportResponse200,
    OwnProfileAnswer,
    ProblemAnswer,
    ProblemCode,
    RefreshRequest,
    SignupAnswer,
    SignupRequest,
    TokenAnswer,
)

Answer = TypeVar("Answer")


@dataclass
class SignedIn:
    api: AuthenticatedClient
    refresh: str


def got(kind: type[Answer], answer: object) -> Answer:
    assert isinstance(answer, kind), answer
    return answer


def refused(answer: object, code: ProblemCode) -> ProblemAnswer:
    problem = got(ProblemAnswer, answer)
    assert problem.code is code, problem
    return problem


def done(answer: Any) -> None:
    assert answer.status_code == 204 and answer.parsed is None


def sign_in(site: str, phone: str) -> SignedIn:
    anyone = Client(site)
    asked = got(SignupAnswer, signup.sync(client=anyone, body=SignupRequest(phone)))
    code = got(str, asked.code)
    answer = got(LoginAnswer, login.sync(client=anyone, body=LoginRequest(code=code, challenge_id=asked.challenge_id)))
    return SignedIn(AuthenticatedClient(site, answer.token), answer.refresh)


def main(site: str, first_phone: str, second_phone: str) -> None:
    first, second = sign_in(site, first_phone), sign_in(site, second_phone)

    mine = got(OwnProfileAnswer, me_read.sync(client=first.api))
    assert (mine.phone, mine.activated_invite, mine.activated_at) == (first_phone, None, None)

    body = ActivateRequest(mine.invite_code)
    theirs = got(OwnProfileAnswer, me_activate.sync(client=second.api, body=body))
    assert theirs.activated_invite == mine.invite_code

    page = got(InvitationPage, me_invitations.sync(client=first.api))
    assert [invitation.phone for invitation in page.results] == [second_phone]
    assert page.next_cursor is None
    assert got(OwnProfileAnswer, me_read.sync(client=first.api)).invitations == [second_phone]

    refused(me_activate.sync(client=first.api, body=body), ProblemCode.OWN_INVITE_CODE)
    again = refused(me_activate.sync(client=second.api, body=body), ProblemCode.ALREADY_ACTIVATED)
    assert again.activated_invite == mine.invite_code
    wrong = refused(login.sync(client=Client(site), body=LoginRequest(code="12")), ProblemCode.INVALID)
    assert isinstance(wrong.errors, list) and wrong.errors[0].field == "code"

    end(site, first_phone, first, second)


def end(site: str, phone: str, first: SignedIn, second: SignedIn) -> None:
    """Each way in which a session ends."""
    pair = got(TokenAnswer, refresh.sync(client=Client(site), body=RefreshRequest(first.refresh)))
    refreshed = AuthenticatedClient(site, pair.token)
    other = sign_in(site, phone)
    devices = got(list, devices_list.sync(client=other.api))
    (device_id,) = (device.id for device in devices if not device.current)
    done(devices_end.sync_detailed(device_id, client=other.api))
    refused(me_read.sync(client=refreshed), ProblemCode.TOKEN_REVOKED)

    done(logout.sync_detailed(client=Client(site), body=RefreshRequest(other.refresh)))
    refused(me_read.sync(client=other.api), ProblemCode.TOKEN_REVOKED)
    done(devices_end_all.sync_detailed(client=second.api))
    refused(me_read.sync(client=second.api), ProblemCode.TOKEN_REVOKED)

    last = sign_in(site, phone)
    got(MeExportResponse200, me_export.sync(client=last.api))
    done(me_erase.sync_detailed(client=last.api))
    refused(me_read.sync(client=last.api), ProblemCode.TOKEN_REVOKED)


main(*sys.argv[1:])
