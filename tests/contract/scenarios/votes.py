"""The voting period, for anyone."""

from datetime import UTC, datetime

from profiles import results, voting
from profiles.models import Activation, Profile
from tests.contract.scenarios.common import PHONE_OF_ALICE, Recorder, usual

VOTING, RESULTS, FILE = "/api/v1/voting", "/api/v1/results", "/api/v1/results/file"


def voting_read(record: Recorder) -> None:
    usual(record, f"GET {VOTING}")
    record("token that is none", f"GET {VOTING}", None, "nonsense")
    voting.change(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
    record("closed", f"GET {VOTING}")
    results.publish()
    record("published", f"GET {VOTING}")


def results_list(record: Recorder) -> None:
    record("before they are published", f"GET {RESULTS}")
    publish(record)
    usual(record, f"GET {RESULTS}")
    record("cursor: x", f"GET {RESULTS}?cursor=x")


def results_file(record: Recorder) -> None:
    record("before they are published", f"GET {FILE}")
    publish(record)
    usual(record, f"GET {FILE}")


def publish(record: Recorder) -> None:
    """Results of one vote, whose receipt is always the same."""
    alice, bob = record.person("alice", PHONE_OF_ALICE), record.person("bob", "9991110002")
    Profile.objects.filter(pk=alice.profile.pk).update(invite_code="AAAAAA")
    bob.activate("AAAAAA")
    begin, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    Activation.objects.update(nonce=bytes(16), created_at=begin)
    voting.change(begin, end)
    results.publish()
