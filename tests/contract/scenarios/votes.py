"""The voting period, for anyone."""

from datetime import UTC, datetime

from profiles import voting
from tests.contract.scenarios.common import Recorder, usual

VOTING = "/api/v1/voting"


def voting_read(record: Recorder) -> None:
    usual(record, f"GET {VOTING}")
    record("token that is none", f"GET {VOTING}", None, "nonsense")
    voting.change(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
    record("closed", f"GET {VOTING}")
