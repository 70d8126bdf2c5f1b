"""Real threads that start together, each with a database connection of its own."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from django.db import connection


def race(actions: Iterable[Callable[[], Any]]) -> list[Any]:
    """What each action returned, or the exception that it raised."""
    actions = list(actions)
    start = Barrier(len(actions), timeout=20)

    def run(action: Callable[[], Any]) -> Any:
        try:
            connection.ensure_connection()
            start.wait()
            return action()
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(run, actions))
