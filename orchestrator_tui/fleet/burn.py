"""How fast money and tokens go, over the last 10 s, 60 s and 5 min.

A response is written when it is complete, but was paid for while it was made: its use is spread over the stretch from
when the model was asked, so that a long answer is no spike at its end.
"""

from __future__ import annotations

from msgspec import Struct, field

from orchestrator_tui.events import Tokens
from orchestrator_tui.fleet import SECOND

WINDOWS = (10, 60, 300)
"""Seconds."""
MAX_STRETCHES = 300
"""A session with more in five minutes has its oldest two taken together."""


class Stretch(Struct, array_like=True):
    """What was used in some seconds, evenly."""

    first: int
    last: int
    """The first and the last second, both included."""
    cost: int
    """Nano-dollars."""
    output: int
    total: int
    """Tokens of every kind."""
    unpriced: int = 0
    """Responses in it that have no price."""

    def overlap(self, first: int, last: int) -> tuple[int, int]:
        """(seconds of it that lie between two seconds, its own seconds)."""
        return max(0, min(self.last, last) - max(self.first, first) + 1), self.last - self.first + 1


class Rate(Struct, frozen=True):
    """Use over a window."""

    seconds: int
    cost: int
    output: int
    total: int
    unpriced: int = 0
    """Whether, and how many times, something without a price is part of it: the cost is a lower bound then."""

    @property
    def usd_per_minute(self) -> float:
        """Dollars per minute."""
        return self.cost / 1_000_000_000 * 60 / self.seconds

    @property
    def output_per_second(self) -> float:
        """Generated tokens per second."""
        return self.output / self.seconds


class Burn(Struct):
    """The last five minutes of one session."""

    stretches: list[Stretch] = field(default_factory=list)

    def add(self, began: int | None, at: int, tokens: Tokens, cost: int | None, unpriced: int = 0) -> None:
        """Record what was used from `began` (None: at once) up to `at`; a session's times never go back."""
        last = at // SECOND
        first = min(last, began // SECOND + 1) if began is not None else last
        stretches = self.stretches
        while stretches and stretches[0].last <= last - WINDOWS[-1]:
            del stretches[0]
        if stretches and (stretches[-1].first, stretches[-1].last) == (first, last):
            into = stretches[-1]
        else:
            into = Stretch(first, last, 0, 0, 0)
            stretches.append(into)
        into.cost += cost or 0
        into.output += tokens.output
        into.total += tokens.total
        into.unpriced += unpriced
        if len(stretches) > MAX_STRETCHES:
            gone, next_one = stretches.pop(0), stretches[0]
            next_one.first = min(next_one.first, gone.first)
            next_one.cost += gone.cost
            next_one.output += gone.output
            next_one.total += gone.total
            next_one.unpriced += gone.unpriced

    def rate(self, now: int, seconds: int = 60) -> Rate:
        """Use in the `seconds` up to `now`."""
        second = now // SECOND
        cost = output = total = unpriced = 0
        for stretch in self.stretches:
            part, whole = stretch.overlap(second - seconds + 1, second)
            if part:
                cost += stretch.cost * part // whole
                output += stretch.output * part // whole
                total += stretch.total * part // whole
                unpriced += stretch.unpriced
        return Rate(seconds, cost, output, total, unpriced)

    def settled(self, now: int, seconds: int = 60) -> int:
        """The second up to which time alone does not change the rate; far off when nothing is left to go out."""
        second = now // SECOND
        edge = second - seconds + 1
        due = 1 << 62
        for stretch in self.stretches:
            if stretch.first > second:
                due = min(due, stretch.first)
            elif stretch.last >= edge:
                # While a stretch passes out of the window the rate falls with every second.
                due = min(due, second + 1 if stretch.first < edge else stretch.first + seconds)
        return due

    def curve(self, now: int, columns: int) -> tuple[int, ...]:
        """Output tokens per column over the last five minutes, oldest first; () when there are none.

        Columns stand on whole multiples of their width, so that a curve moves by a column and never shimmers.
        """
        width = WINDOWS[-1] // columns
        newest = now // SECOND // width
        sums = [0] * columns
        for stretch in self.stretches:
            whole = stretch.last - stretch.first + 1
            for place in range(stretch.first // width, stretch.last // width + 1):
                column = place - newest + columns - 1
                if 0 <= column < columns:
                    part, _ = stretch.overlap(place * width, place * width + width - 1)
                    sums[column] += stretch.output * part // whole
        return tuple(sums) if any(sums) else ()
