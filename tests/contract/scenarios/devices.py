"""Devices: listing and revoking them."""

from tests.contract.scenarios.common import (
    DEVICES,
    LOGOUT,
    PHONE_OF_ALICE,
    Recorder,
    refused_tokens,
    sent,
    usual,
)
from tests.support.accounts import client, signed_in


def devices_list(record: Recorder) -> None:
    alice = record.person("alice", PHONE_OF_ALICE)
    usual(record, f"GET {DEVICES}", None, alice.token)
    refused_tokens(record, f"GET {DEVICES}", None, alice)
    other = signed_in(alice.phone)
    sent(client(), f"POST {LOGOUT}", {"refresh": other.refresh})
    record("two, of which one has no session", f"GET {DEVICES}", None, alice.token)


def devices_end_all(record: Recorder) -> None:
    alice = record.person("alice", PHONE_OF_ALICE)
    usual(record, f"DELETE {DEVICES}", None, alice.token)
    refused_tokens(record, f"DELETE {DEVICES}", None, alice)


def devices_end(record: Recorder) -> None:
    alice, bob = record.person("alice", PHONE_OF_ALICE), record.person("bob", "9991110002")
    signed_in(alice.phone)
    newer, own = alice.api.get(DEVICES).json()
    (foreign,) = bob.api.get(DEVICES).json()
    request = f"DELETE {DEVICES}/{newer['id']}"
    usual(record, request, None, alice.token)
    refused_tokens(record, request, None, alice)
    record("the one that asks", f"DELETE {DEVICES}/{own['id']}", None, alice.token)
    record("somebody else's", f"DELETE {DEVICES}/{foreign['id']}", None, alice.token)
    for number in ("0", "9" * 18, "9" * 30, "-1", "x"):
        record(f"id: {number}", f"DELETE {DEVICES}/{number}", None, alice.token)
    sent(client(), request, None, alice.token)
    record("ended before", request, None, alice.token)
