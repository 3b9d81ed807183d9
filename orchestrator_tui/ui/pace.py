"""How fast a session goes, as the screen shows it: its rate and its curves."""

from __future__ import annotations

from msgspec import Struct

from orchestrator_tui.fleet import SECOND
from orchestrator_tui.fleet.burn import Rate
from orchestrator_tui.fleet.session import Session

SPARK = 8
"""Buckets of a cell's burn curve."""
WIDE_SPARK = 24
"""Buckets of the fleet's."""


class Pace(Struct, frozen=True):
    """How fast a session goes, worked out when it changed and when a bucket of it passes out of a window."""

    rate: Rate
    spark: tuple[int, ...]
    wide: tuple[int, ...]


STILL = Pace(Rate(60, 0, 0, 0), (), ())
FOREVER = 1 << 62


def pace_of(session: Session, now: int) -> Pace:
    """A session's rate and curves."""
    if not session.burn.buckets or session.burn.buckets[-1].second <= now // SECOND - 300:
        return STILL
    return Pace(session.burn.rate(now), spark_of(session, now, SPARK), spark_of(session, now, WIDE_SPARK))


def pace_until(session: Session, second: int) -> int:
    """The second until which time alone does not change a pace."""
    buckets = session.burn.buckets
    if not buckets or buckets[-1].second <= second - 300:
        return FOREVER
    due = min((second // width + 1) * width for width in (300 // SPARK, 300 // WIDE_SPARK))
    for bucket in reversed(buckets):
        if not second - 60 < bucket.second <= second:
            return due if bucket.second <= second else second
        due = min(due, bucket.second + 60)
    return due


def spark_of(session: Session, now: int, buckets: int) -> tuple[int, ...]:
    """Tokens per bucket over the last five minutes, oldest first."""
    if not session.burn.buckets:
        return ()
    width = 300 // buckets
    # Buckets stand on whole multiples, so that a curve moves by a column and never shimmers.
    last = now // 1_000_000_000 // width
    sums = [0] * buckets
    for bucket in session.burn.buckets:
        place = bucket.second // width - last + buckets - 1
        if 0 <= place < buckets:
            sums[place] += bucket.output
    return tuple(sums) if any(sums) else ()
