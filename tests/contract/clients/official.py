"""Uses the client in `clients/python`: `official.py SITE STORE ACTION [ARGUMENT...]`.

Prints what came of it as JSON: `{"done": …}` or `{"refused": …}`.
"""

import json
import sys
from collections.abc import Callable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from inviting_app_client import Client, Problem
from inviting_app_client.types import ActivateRequest, ProblemCode


class FileStore(MutableMapping[str, str]):
    """Tokens in a file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.items_now: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
        self.states: list[dict[str, str]] = []

    def __getitem__(self, key: str) -> str:
        return self.items_now[key]

    def __setitem__(self, key: str, value: str) -> None:
        self.items_now[key] = value
        self.save()

    def __delitem__(self, key: str) -> None:
        del self.items_now[key]
        self.save()

    def save(self) -> None:
        self.states.append(dict(self.items_now))
        self.file.write_text(json.dumps(self.items_now))

    def __iter__(self) -> Iterator[str]:
        return iter(self.items_now)

    def __len__(self) -> int:
        return len(self.items_now)


def refused(call: Callable[[], object], code: ProblemCode) -> Problem:
    try:
        call()
    except Problem as problem:
        assert problem.code == code, problem.members
        return problem
    raise AssertionError(f"not refused with {code}")


def sign_in(client: Client, phone: str) -> bool:
    return client.log_in(client.sign_up(phone)["code"])["created"]


def flow(first: Client, phone: str, other_phone: str) -> None:
    """Every operation, from the sign-up to the erasure."""
    with Client(site) as second:
        flow_of_two(first, second, phone, other_phone)


def flow_of_two(first: Client, second: Client, phone: str, other_phone: str) -> None:
    refused(first.me_read, "not_authenticated")
    refused(lambda: first.sign_up("12"), "invalid_phone")
    assert sign_in(first, phone) and sign_in(second, other_phone)

    mine = first.me_read()
    assert (mine["phone"], mine["activated_invite"]) == (phone, None)
    assert second.activate(mine["invite_code"].lower())["activated_invite"] == mine["invite_code"]
    assert second.activate(mine["invite_code"])["activated_invite"] == mine["invite_code"]
    again: ActivateRequest = {"activated_invite": mine["invite_code"]}
    known = refused(lambda: second.me_activate(again), "already_activated")
    assert known.status == 409 and known.members["activated_invite"] == mine["invite_code"] and known.request_id
    refused(lambda: first.activate(mine["invite_code"]), "own_invite_code")

    assert [invitation["phone"] for invitation in first.me_invitations_all()] == [other_phone]
    assert first.me_invitations()["next_cursor"] is None
    assert first.voting_read()["open"]
    refused(first.results_file, "not_found")
    refused(lambda: list(first.results_list_all()), "not_found")
    refused(lambda: first.profiles_list(has_activated=True), "permission_denied")
    refused(lambda: first.profiles_read(mine["user_id"]), "permission_denied")

    with Client(site) as third:
        sign_in(third, phone)
        (device,) = (device for device in third.devices_list() if not device["current"])
        third.devices_end(device["id"])
    refused(first.me_read, "token_revoked")
    assert not first.is_signed_in
    second.devices_end_all()
    assert not second.is_signed_in

    assert not sign_in(first, phone)
    assert first.me_export()
    first.sign_out()
    assert list(store) == ["device_token"]
    sign_in(first, phone)
    assert len(first.devices_list()) == 2  # the third, and this one, which stayed known
    first.me_erase()
    assert not store


def read(client: Client, times: str) -> list[str]:
    """The phone, read this many times in parallel."""
    with ThreadPoolExecutor(int(times)) as threads:
        return list(threads.map(lambda _: client.me_read()["phone"], range(int(times))))


def walk(client: Client, times: str) -> int:
    """Reads this many times, with restarts of the app. Returns how many of them had a response."""
    done = 0
    for _ in range(int(times) // 5):
        store = FileStore(file)
        store.pop("access", None)  # it has expired
        with Client(site, store) as restarted:
            for _ in range(5):
                try:
                    restarted.me_read()
                    done += 1
                except Problem as problem:
                    if problem.status:
                        raise
    return done


def change(before: Client, phone: str, other_phone: str) -> str:
    """What becomes of a client with whose store another user signs in."""
    with Client(site, store) as other, Client(site, store) as anew:
        sign_in(before, phone)
        assert other.me_read()["phone"] == phone
        other.sign_out()
        sign_in(other, other_phone)
        for _ in range(2):
            refused(before.me_read, "token_revoked")
        assert other.me_read()["phone"] == other_phone
        return anew.me_read()["phone"]


def replace(client: Client, phone: str, other_phone: str) -> list[str]:
    """What a request gets that waits while the user signs out and another one signs in, and the phone read then."""
    sign_in(client, phone)
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(client.me_read)
        client.sign_out()
        sign_in(client, other_phone)
    return [refused(waiting.result, "token_revoked").code, client.me_read()["phone"]]


def states(client: Client, phone: str, other_phone: str) -> list[dict[str, str]]:
    """What the store had after each write while a user signed in and then another one."""
    sign_in(client, phone)
    sign_in(client, other_phone)
    return store.states


def end_before(before: Client, phone: str, other_phone: str) -> str:
    """Whom the store keeps after a user has ended all devices who did not sign out before another one signed in."""
    sign_in(before, phone)
    with Client(site, store) as other, Client(site, store) as anew:
        sign_in(other, other_phone)
        before.devices_end_all()
        return anew.me_read()["phone"]


ACTIONS: dict[str, Callable[..., object]] = {
    "flow": flow,
    "read": read,
    "walk": walk,
    "sign_in": sign_in,
    "change": change,
    "replace": replace,
    "states": states,
    "end_before": end_before,
    "sign_out": lambda client: client.sign_out(),
    "activate": lambda client, code: client.activate(code)["activated_invite"],
    "end": lambda client: client.devices_end_all(),
    "erase": lambda client: client.me_erase(),
    "invitations": lambda client: [invitation["phone"] for invitation in client.me_invitations_all()],
}

site, file, action = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
store = FileStore(file)
with Client(site, store, longest_wait=5) as client:
    try:
        print(json.dumps({"done": ACTIONS[action](client, *sys.argv[4:])}))
    except Problem as problem:
        print(json.dumps({"refused": problem.code, "status": problem.status, "retry_after": problem.retry_after}))
