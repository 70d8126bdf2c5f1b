"""What was measured in all rounds."""

from dataclasses import dataclass, field

from bench.journeys.load import Measured
from bench.journeys.servers import SERVICE
from bench.machine import Spread, quantile


@dataclass
class Results:
    loads: list[Measured] = field(default_factory=list)
    # Milliseconds from a sign-up to the gateway, one sign-up after another.
    idle: list[float] = field(default_factory=list)

    def of(self, operation: str, server: str = SERVICE) -> list[Measured]:
        """Round by round."""
        return [load for load in self.loads if (load.operation, load.server) == (operation, server)]

    def ratio(self, operation: str, other: str) -> Spread | None:
        """The service's rate divided by that of another server, within each round."""
        pairs = zip(self.of(operation), self.of(operation, other), strict=False)
        ratios = [ours.per_second / theirs.per_second for ours, theirs in pairs if theirs.done]
        return Spread.of(ratios) if ratios else None

    def cpu_ratio(self, operation: str, other: str) -> Spread | None:
        """All CPU of another server for one operation divided by all of the service, within each round."""
        pairs = zip(self.of(operation), self.of(operation, other), strict=False)
        ratios = [sum(theirs.cpu.values()) / sum(ours.cpu.values()) for ours, theirs in pairs if theirs.done]
        return Spread.of(ratios) if ratios else None

    def rate(self, operation: str) -> Spread | None:
        rates = [load.per_second for load in self.of(operation)]
        return Spread.of(rates) if rates else None

    def cpu(self, operation: str, *parts: str) -> Spread | None:
        """Milliseconds of CPU that the service uses for one operation, in these parts together."""
        used = [sum(load.cpu[part] for part in parts) / 1000 for load in self.of(operation)]
        return Spread.of(used) if used else None

    def waited(self, part: float) -> Spread | None:
        """How long this part of the idle sign-ups took at most."""
        return Spread.of([quantile(self.idle, part)]) if self.idle else None
