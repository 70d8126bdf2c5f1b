"""How many sign-ups of one network a process works on at a time: as many as half of its threads.

They wait for each other, because the limits by network are exact. Each reads the recent challenges of the network, so
where very many people sign in behind one address, it may take 60 ms. With 25 sign-ups in progress and 60,000
challenges, one client there made requests of everybody else take 1.0 to 1.7 s. With this limit they take 0.7 s at most.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

from django.conf import settings

from users.large_responses import Busy
from users.login import networks

MOST_OF_A_NETWORK = max(1, settings.WEB_THREADS // 2)
# How long a sign-up without a place waits for one. It holds a thread meanwhile. Of a crowd of 25 who sign up at once
# behind one address that nobody attacks, at most one in a hundred is refused. With 0.1 s it was one in thirty.
WAIT_SECONDS = 0.2
# How many sign-ups each network has in progress, by its first address.
_in_progress: Counter[str] = Counter()
_left = Condition()


@contextmanager
def place(address: str | None) -> Iterator[None]:
    """Take a place for a sign-up from the widest network of this address. Raises Busy if none gets free in time."""
    if not address or settings.DEMO:
        yield  # there are no limits by network, so nobody waits for others
        return
    network = networks.containing(address)[0].first
    with _left:
        if not _left.wait_for(lambda: _in_progress[network] < MOST_OF_A_NETWORK, WAIT_SECONDS):
            raise Busy
        _in_progress[network] += 1
    try:
        yield
    finally:
        with _left:
            _in_progress[network] -= 1
            if not _in_progress[network]:
                del _in_progress[network]
            _left.notify_all()
