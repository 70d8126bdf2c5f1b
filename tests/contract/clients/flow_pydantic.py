"""The whole flow by openapi-generator's python, as in flow.py."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from client import (
    ActivateRequest,
    ApiClient,
    AuthApi,
    Configuration,
    DevicesApi,
    LoginRequest,
    ProblemAnswer,
    ProblemCode,
    ProfilesApi,
    RefreshRequest,
    SignupRequest,
)
from client.exceptions import ApiException

SITE, FIRST_PHONE, SECOND_PHONE = sys.argv[1:]
auth = AuthApi(ApiClient(Configuration(host=SITE)))


@dataclass
class SignedIn:
    profiles: ProfilesApi
    devices: DevicesApi
    refresh: str


def authorized(token: str, refresh: str) -> SignedIn:
    api = ApiClient(Configuration(host=SITE, access_token=token))
    return SignedIn(ProfilesApi(api), DevicesApi(api), refresh)


def sign_in(phone: str) -> SignedIn:
    asked = auth.signup(SignupRequest(phone=phone))
    assert isinstance(asked.sent_at, datetime)
    answer = auth.login(LoginRequest(code=asked.code, challenge_id=asked.challenge_id))
    return authorized(answer.token, answer.refresh)


def refused(code: ProblemCode, call: Callable[..., Any], *arguments: Any) -> ProblemAnswer:
    try:
        call(*arguments)
    except ApiException as error:
        assert isinstance(error.data, ProblemAnswer) and error.data.code is code, error
        return error.data
    raise AssertionError(f"not refused with {code}")


def done(answer: Any) -> None:
    assert answer.status_code == 204 and answer.data is None


def main() -> None:
    first, second = sign_in(FIRST_PHONE), sign_in(SECOND_PHONE)

    mine = first.profiles.me_read()
    assert (mine.phone, mine.activated_invite, mine.activated_at) == (FIRST_PHONE, None, None)

    body = ActivateRequest(activated_invite=mine.invite_code)
    assert second.profiles.me_activate(body).activated_invite == mine.invite_code

    page = first.profiles.me_invitations()
    assert [invitation.phone for invitation in page.results] == [SECOND_PHONE]
    assert page.next_cursor is None
    assert first.profiles.me_read().invitations == [SECOND_PHONE]

    refused(ProblemCode.OWN_INVITE_CODE, first.profiles.me_activate, body)
    again = refused(ProblemCode.ALREADY_ACTIVATED, second.profiles.me_activate, body)
    assert again.activated_invite == mine.invite_code
    wrong = refused(ProblemCode.INVALID, auth.login, LoginRequest(code="12"))
    assert wrong.errors and wrong.errors[0].var_field == "code"

    end(first, second)


def end(first: SignedIn, second: SignedIn) -> None:
    """Each way in which a session ends."""
    pair = auth.refresh(RefreshRequest(refresh=first.refresh))
    refreshed = authorized(pair.token, pair.refresh)
    other = sign_in(FIRST_PHONE)
    (device_id,) = (device.id for device in other.devices.devices_list() if not device.current)
    done(other.devices.devices_end_with_http_info(device_id))
    refused(ProblemCode.TOKEN_REVOKED, refreshed.profiles.me_read)

    done(auth.logout_with_http_info(RefreshRequest(refresh=other.refresh)))
    refused(ProblemCode.TOKEN_REVOKED, other.profiles.me_read)
    done(second.devices.devices_end_all_with_http_info())
    refused(ProblemCode.TOKEN_REVOKED, second.profiles.me_read)

    last = sign_in(FIRST_PHONE)
    assert last.profiles.me_export()
    done(last.profiles.me_erase_with_http_info())
    refused(ProblemCode.TOKEN_REVOKED, last.profiles.me_read)


main()
