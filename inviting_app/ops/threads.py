"""Threads that asyncio can wait for."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from threading import Thread


def in_a_thread(name: str, run: Callable[[], None]) -> asyncio.Future[None]:
    """Run this in a thread that ends with the process, unlike those of an executor."""
    loop = asyncio.get_running_loop()
    ended = loop.create_future()

    def end(error: BaseException | None) -> None:
        if error and not ended.done():
            ended.set_exception(error)
        elif not ended.done():
            ended.set_result(None)

    def target() -> None:
        failed = None
        try:
            run()
        except BaseException as error:
            failed = error
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(end, failed)

    Thread(target=target, name=name, daemon=True).start()
    return ended
