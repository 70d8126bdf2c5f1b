"""The main flow by the generated Python client: two users sign in, and one activates the other's code."""

import sys
from typing import TypeVar

from client import AuthenticatedClient, Client
from client.api.auth import login, signup
from client.api.profiles import me_activate, me_invitations, me_read
from client.models import (
    ActivateRequest,
    InvitationPage,
    LoginAnswer,
    LoginRequest,
    OwnProfileAnswer,
    ProblemAnswer,
    ProblemCode,
    SignupAnswer,
    SignupRequest,
)

Answer = TypeVar("Answer")


def got(kind: type[Answer], answer: object) -> Answer:
    assert isinstance(answer, kind), answer
    return answer


def sign_in(site: str, phone: str) -> AuthenticatedClient:
    anyone = Client(site)
    asked = got(SignupAnswer, signup.sync(client=anyone, body=SignupRequest(phone)))
    code = got(str, asked.code)
    answer = login.sync(client=anyone, body=LoginRequest(code=code, challenge_id=asked.challenge_id))
    return AuthenticatedClient(site, got(LoginAnswer, answer).token)


def main(site: str, first_phone: str, second_phone: str) -> None:
    first, second = sign_in(site, first_phone), sign_in(site, second_phone)

    mine = got(OwnProfileAnswer, me_read.sync(client=first))
    assert (mine.phone, mine.activated_invite, mine.activated_at) == (first_phone, None, None)

    body = ActivateRequest(mine.invite_code)
    theirs = got(OwnProfileAnswer, me_activate.sync(client=second, body=body))
    assert theirs.activated_invite == mine.invite_code

    page = got(InvitationPage, me_invitations.sync(client=first))
    assert [invitation.phone for invitation in page.results] == [second_phone]
    assert got(OwnProfileAnswer, me_read.sync(client=first)).invitations == [second_phone]

    own = got(ProblemAnswer, me_activate.sync(client=first, body=body))
    assert own.code is ProblemCode.OWN_INVITE_CODE
    again = got(ProblemAnswer, me_activate.sync(client=second, body=body))
    assert again.activated_invite == mine.invite_code
    wrong = got(ProblemAnswer, login.sync(client=Client(site), body=LoginRequest(code="12")))
    assert isinstance(wrong.errors, list) and wrong.errors[0].field == "code"


main(*sys.argv[1:])
