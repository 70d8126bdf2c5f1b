"""An event loop whose lookups of names do not wait for each other."""

import asyncio
import socket
from concurrent.futures import Future
from threading import Thread
from typing import Any


class LookupLoop(asyncio.SelectorEventLoop):
    """Looks each name up in a thread of its own, and at most once at a time.

    A lookup cannot be ended: a resolver that does not answer keeps its thread for half a minute, or for minutes if its
    settings say so, also when nobody waits any more. The threads of asyncio's pool are few, so one such name would
    hold up all others. Here all who ask for a name share its one lookup, so there are never more threads than names.
    They do not hold up the end of the process.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lookups: dict[tuple[Any, ...], Future[Any]] = {}

    async def getaddrinfo(
        self,
        host: bytes | str | None,
        port: bytes | str | int | None,
        *,
        family: int = 0,
        type: int = 0,
        proto: int = 0,
        flags: int = 0,
    ) -> Any:
        """As asyncio says, which calls this for each name."""
        asked = (host, port, family, type, proto, flags)
        lookup = self._lookups.get(asked)
        if lookup is None:
            lookup = self._lookups[asked] = Future()
            lookup.set_running_or_notify_cancel()  # so a caller that stops waiting does not end it for the others
            Thread(target=_look_up, args=(asked, lookup), name="lookup", daemon=True).start()
            lookup.add_done_callback(lambda _: self._lookups.pop(asked))
        return await asyncio.wrap_future(lookup)


def _look_up(asked: tuple[Any, ...], lookup: Future[Any]) -> None:
    try:
        lookup.set_result(socket.getaddrinfo(*asked))
    except Exception as error:  # also UnicodeError, of a name that cannot be one
        lookup.set_exception(error)


def start(name: str) -> LookupLoop:
    """A new loop that runs in a thread of this name until the process ends."""
    loop = LookupLoop()
    Thread(target=loop.run_forever, name=name, daemon=True).start()
    return loop
