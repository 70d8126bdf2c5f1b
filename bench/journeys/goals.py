"""What the service is to reach on two cores, with worker, gateway and load on the same machine."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.journeys.results import Results
from bench.journeys.servers import JOURNEY, READ, SEND
from bench.machine import Spread


@dataclass(frozen=True)
class Goal:
    name: str
    found: Callable[[Results], Spread | None]
    wanted: float
    at_most: bool = False

    def reached(self, results: Results) -> bool:
        found = self.found(results)
        return found is None or (found.median <= self.wanted if self.at_most else found.median >= self.wanted)

    def cells(self, results: Results) -> list[str]:
        bound = f"at {'most' if self.at_most else 'least'} {self.wanted:g}"
        return [self.name, f"{self.found(results):,.2f}", bound, "reached" if self.reached(results) else "missed"]


def _ratio(operation: str, other: str, wanted: float) -> Goal:
    return Goal(f"{operation} : {other}", lambda results: results.ratio(operation, other), wanted)


GOALS = [
    _ratio(READ, "better-auth", 1.4),
    _ratio(READ, "FastAPI, asyncpg", 0.6),
    _ratio(JOURNEY, "django-allauth", 1.0),
    _ratio(JOURNEY, "drfpasswordless", 1.0),
    Goal("whole journeys a second", lambda results: results.rate(JOURNEY), 150),
    Goal("web + PostgreSQL, ms a journey", lambda results: results.cpu(JOURNEY, "web", "PostgreSQL"), 9, at_most=True),
    Goal("worker, ms an SMS", lambda results: results.cpu(SEND, "worker"), 2.5, at_most=True),
    Goal("sign-up to gateway when idle, ms, median", lambda results: results.waited(0.5), 20, at_most=True),
    Goal("sign-up to gateway when idle, ms, 99 of 100", lambda results: results.waited(0.99), 50, at_most=True),
]
