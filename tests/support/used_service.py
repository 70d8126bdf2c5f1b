"""A service whose log and metrics have something to show."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.ports import free_port
from tests.support.service import Service, ready_service


@contextmanager
def service_with_a_vote(**variables: str) -> Iterator[Service]:
    """A service with metrics and lines of JSON, after two users have signed in and one has voted for the other."""
    with ready_service(LOG_FORMAT="json", METRICS_PORT=str(free_port()), **variables) as service:
        alice, bob = service.sign_in("9991110031"), service.sign_in("9991110032")
        code = service.call("/api/v1/profiles/me", token=alice["token"])["invite_code"]
        service.call("/api/v1/profiles/me", {"activated_invite": code}, token=bob["token"])
        yield service
