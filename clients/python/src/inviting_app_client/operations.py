"""One method for each operation. Made from the OpenAPI document by `make clients`. Do not edit."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal
from urllib.parse import quote

from inviting_app_client import types


class Operations(ABC):
    """All of them raise Problem if they are refused."""

    @abstractmethod
    def _call(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        query: Mapping[str, Any] | None = None,
        anonymous: bool = False,
    ) -> Any: ...

    @abstractmethod
    def _all(self, read: Callable[[str | None], Any]) -> Iterator[Any]: ...

    def devices_end_all(self) -> None:
        """End all your devices.

        Session and trust, this device's too.
        """
        self._call("DELETE", "/api/v1/devices")

    def devices_list(self) -> list[types.DeviceAnswer]:
        """Your devices.

        Where you have signed in, the newest first; those without session and trust are left out.
        """
        answer: list[types.DeviceAnswer] = self._call("GET", "/api/v1/devices")
        return answer

    def devices_end(self, device_id: int) -> None:
        """End one of your devices.

        Session and trust: its tokens are refused at once, and signing in there is as on a new device.
        """
        self._call("DELETE", f"/api/v1/devices/{quote(str(device_id), safe='')}")

    def profiles_list(
        self,
        *,
        created_after: str | None = None,
        created_before: str | None = None,
        cursor: str | None = None,
        has_activated: bool | None = None,
        invite_code: str | None = None,
        ordering: Literal["-created_at", "created_at", "-invitations_count", "invitations_count"] | None = None,
        phone: str | None = None,
    ) -> types.ProfilePage:
        """All profiles.

        For staff. Unverified, disabled and erased users are not listed. Staff with the permission
        `users.view_phone` get full phones, and each such response is logged. Others get `+7***4567` and may filter
        by 30 phones an hour. A service that requires a second factor of its operators refuses every token with
        `permission_denied`.
        """
        answer: types.ProfilePage = self._call(
            "GET",
            "/api/v1/profiles",
            query={
                "created_after": created_after,
                "created_before": created_before,
                "cursor": cursor,
                "has_activated": has_activated,
                "invite_code": invite_code,
                "ordering": ordering,
                "phone": phone,
            },
        )
        return answer

    def profiles_list_all(
        self,
        *,
        created_after: str | None = None,
        created_before: str | None = None,
        has_activated: bool | None = None,
        invite_code: str | None = None,
        ordering: Literal["-created_at", "created_at", "-invitations_count", "invitations_count"] | None = None,
        phone: str | None = None,
    ) -> Iterator[types.ProfileAnswer]:
        """All profiles: each result, page after page."""
        return self._all(
            lambda cursor: self.profiles_list(
                created_after=created_after,
                created_before=created_before,
                has_activated=has_activated,
                invite_code=invite_code,
                ordering=ordering,
                phone=phone,
                cursor=cursor,
            )
        )

    def me_erase(self) -> None:
        """Erase the account.

        Deletes phone, devices and your vote for good. Votes for you stay, without your phone. Needs a device that
        signed in by code at most 10 minutes ago.
        """
        self._call("DELETE", "/api/v1/profiles/me")

    def me_read(self) -> types.OwnProfileAnswer:
        """Your profile.

        Your invite code, the one you activated (null until then), and who activated yours.
        """
        answer: types.OwnProfileAnswer = self._call("GET", "/api/v1/profiles/me")
        return answer

    def me_activate(self, body: types.ActivateRequest) -> types.OwnProfileAnswer:
        """Activate another user's invite code.

        A user can do this once and cannot change it. **The code's owner will see the user's phone number**: say so
        before the user confirms. Ten wrong codes an hour and thirty a day are allowed.
        """
        answer: types.OwnProfileAnswer = self._call("POST", "/api/v1/profiles/me", body=body)
        return answer

    def me_export(self) -> dict[str, Any]:
        """Everything held on you.

        User, profile, vote, phones of all users who activated your code, devices, sign-in codes (never their
        digits), the requests for them, SMS, wrong invite codes, and what operators did. Times are in UTC, phones in
        E.164. The response may be long and is streamed.
        """
        answer: dict[str, Any] = self._call("GET", "/api/v1/profiles/me/export")
        return answer

    def me_invitations(self, *, cursor: str | None = None) -> types.InvitationPage:
        """Who activated your code.

        The newest first, 50 to a page; follow `next` or `next_cursor` until it is null. Disabled users are not
        shown. `invitations_count` of your profile counts them, because their votes stay.
        """
        answer: types.InvitationPage = self._call("GET", "/api/v1/profiles/me/invitations", query={"cursor": cursor})
        return answer

    def me_invitations_all(self) -> Iterator[types.InvitationAnswer]:
        """Who activated your code: each result, page after page."""
        return self._all(lambda cursor: self.me_invitations(cursor=cursor))

    def me_phone(self, body: types.PhoneChangeRequest) -> types.SignupAnswer:
        """Request a code for a new phone.

        It goes to the new number, under the limits of a sign-up of that number, and the response is that of a sign-
        up: it does not tell whether somebody has the number. Needs a device that signed in by code at most 10
        minutes ago. A repeated request resends the code when the resend interval has passed; send `challenge_id`
        with it. **Whoever the user voted for will see the new number**: say so to a user with an
        `activated_invite`.
        """
        answer: types.SignupAnswer = self._call("POST", "/api/v1/profiles/me/phone", body=body)
        return answer

    def me_phone_confirm(self, body: types.ConfirmRequest) -> types.OwnProfileAnswer:
        """Confirm the new number with its code.

        Profile, invite code and vote stay. All your other devices are signed out and no longer known, and the
        number before gets an SMS about it. If the response is lost, repeat the request within 10 seconds: it gets
        the same success. `phone_taken` means that the code was correct and that somebody else has the number.
        """
        answer: types.OwnProfileAnswer = self._call("POST", "/api/v1/profiles/me/phone/confirm", body=body)
        return answer

    def profiles_read(self, user_id: int) -> types.ProfileAnswer:
        """One profile.

        For staff. Unverified, disabled and erased users are not found. The rest is as in the list.
        """
        answer: types.ProfileAnswer = self._call("GET", f"/api/v1/profiles/{quote(str(user_id), safe='')}")
        return answer

    def results_list(self, *, cursor: str | None = None) -> types.ResultPage:
        """The published results.

        The most votes first, 50 codes to a page; follow `next` or `next_cursor` until it is null. They never
        change. `not_found` until they are published. Codes without votes are not listed.
        """
        answer: types.ResultPage = self._call("GET", "/api/v1/results", query={"cursor": cursor}, anonymous=True)
        return answer

    def results_list_all(self) -> Iterator[types.ResultAnswer]:
        """The published results: each result, page after page."""
        return self._all(lambda cursor: self.results_list(cursor=cursor))

    def results_file(self) -> str:
        """The file of the results.

        One line for each vote: the invite code and the vote's receipt, sorted. `results_sha256` of the voting
        period is its hash. With it and their `receipt_nonce`, users can check that their vote is counted.
        """
        answer: str = self._call("GET", "/api/v1/results/file", anonymous=True)
        return answer

    def voting_read(self) -> types.VotingAnswer:
        """The voting period.

        When users can activate an invite code; outside it, an activation is `voting_closed`.
        """
        answer: types.VotingAnswer = self._call("GET", "/api/v1/voting", anonymous=True)
        return answer
