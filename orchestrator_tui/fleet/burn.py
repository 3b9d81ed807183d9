"""How fast money and tokens go: sums over the last 10 s, 60 s and 5 min, kept in buckets of one second."""

from __future__ import annotations

from msgspec import Struct, field

from orchestrator_tui.events import Tokens
from orchestrator_tui.fleet import SECOND

WINDOWS = (10, 60, 300)
"""Seconds."""


class Bucket(Struct, array_like=True):
    """What one second used."""

    second: int
    cost: int
    """Nano-dollars."""
    output: int
    total: int
    """Tokens of every kind."""


class Rate(Struct, frozen=True):
    """Use over a window."""

    seconds: int
    cost: int
    output: int
    total: int

    @property
    def usd_per_minute(self) -> float:
        """Dollars per minute."""
        return self.cost / 1_000_000_000 * 60 / self.seconds

    @property
    def output_per_second(self) -> float:
        """Generated tokens per second."""
        return self.output / self.seconds


class Burn(Struct):
    """The last five minutes of one session; never more than 300 buckets."""

    buckets: list[Bucket] = field(default_factory=list)

    def add(self, at: int, tokens: Tokens, cost: int | None) -> None:
        """Record use at a time; a session's times never go back."""
        second = at // SECOND
        while self.buckets and self.buckets[0].second <= second - WINDOWS[-1]:
            del self.buckets[0]
        if not self.buckets or self.buckets[-1].second != second:
            self.buckets.append(Bucket(second, 0, 0, 0))
        last = self.buckets[-1]
        last.cost += cost or 0
        last.output += tokens.output
        last.total += tokens.total

    def rate(self, now: int, seconds: int = 60) -> Rate:
        """Use in the `seconds` up to `now`."""
        second = now // SECOND
        inside = [b for b in self.buckets if second - seconds < b.second <= second]
        return Rate(seconds, sum(b.cost for b in inside), sum(b.output for b in inside), sum(b.total for b in inside))
