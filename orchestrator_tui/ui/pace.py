"""How fast a session goes, as the screen shows it: its rate and its curves."""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct

from orchestrator_tui.fleet import SECOND
from orchestrator_tui.fleet.burn import Rate
from orchestrator_tui.fleet.session import Session

SPARK = 8
"""Buckets of a cell's burn curve."""
WIDE_SPARK = 24
"""Buckets of the fleet's."""


class Pace(Struct, frozen=True, gc=False):
    """How fast a session goes, worked out when it changed and when a bucket of it passes out of a window."""

    rate: Rate
    recent_cost: int
    """Nano-dollars of the last five minutes."""
    spark: tuple[int, ...]
    wide: tuple[int, ...]


MANY = 2500
"""For every so many sessions a falling rate steps a second later."""
STILL = Pace(Rate(60, 0, 0, 0), 0, (), ())
FOREVER = 1 << 62


def pace_of(session: Session, now: int) -> Pace:
    """A session's rate and curves."""
    stretches = session.burn.stretches
    if not stretches or stretches[-1].last <= now // SECOND - 300:
        return STILL
    burn = session.burn
    return Pace(burn.rate(now), burn.rate(now, 300).cost, burn.curve(now, SPARK), burn.curve(now, WIDE_SPARK))


def pace_until(session: Session, second: int, sessions: int) -> int:
    """The second until which time alone does not change a pace; `sessions`: how many the fleet has."""
    stretches = session.burn.stretches
    if not stretches or stretches[-1].last <= second - 300:
        return FOREVER
    due = _column_ends(second)
    # A rate that falls second by second is shown as it falls every other second, or later: less work, and calmer.
    return min(due, max(session.burn.settled(second * SECOND), second + 2 + sessions // MANY))


@lru_cache(8)
def _column_ends(second: int) -> int:
    """When a column of one of the curves ends next."""
    return min((second // width + 1) * width for width in (300 // SPARK, 300 // WIDE_SPARK))
