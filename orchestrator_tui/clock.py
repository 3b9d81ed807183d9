"""Time: the clock that hosts read, and the ways a person writes an instant.

All times inside orc are integers, nanoseconds since 1970-01-01T00:00:00Z.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

from orchestrator_tui.errors import UsageError

MICROSECOND = 1_000
MILLISECOND = 1_000_000
SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

# SQLite stores signed 64-bit integers, and datetime ends with the year 9999: the smaller of the two.
MAX_TIME = 9_223_372_036 * SECOND

_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(ms|s|m|h|d|w)")
_UNITS = {"ms": MILLISECOND, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}


class Clock(Protocol):
    """Where the host gets the time from; a test brings its own."""

    def now(self) -> int:
        """Wall clock, nanoseconds since the epoch."""

    def monotonic(self) -> int:
        """A clock that never goes back and stands still while the machine sleeps, nanoseconds."""


class SystemClock:
    """The machine's clocks."""

    def now(self) -> int:
        """Wall clock, nanoseconds since the epoch."""
        return time.time_ns()

    def monotonic(self) -> int:
        """CLOCK_MONOTONIC, nanoseconds."""
        return time.monotonic_ns()


class SetClock:
    """Wall time that is set by whoever replays; the other clock goes on."""

    def __init__(self, at: int, real: Clock) -> None:
        self.at, self.real = at, real

    def now(self) -> int:
        """The time that was set, nanoseconds since the epoch."""
        return self.at

    def monotonic(self) -> int:
        """Of the real clock, nanoseconds."""
        return self.real.monotonic()


def parse_iso(text: str) -> int | None:
    """ISO 8601 to nanoseconds; None when it is not a time. A time without a zone is UTC."""
    try:
        parsed = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        return None
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=UTC)
    delta = parsed - _EPOCH
    ns = (delta.days * 86_400 + delta.seconds) * SECOND + delta.microseconds * MICROSECOND
    return ns if 0 <= ns <= MAX_TIME else None


def iso(ns: int) -> str:
    """Nanoseconds to ISO 8601 in UTC with milliseconds, as every `--json` answer has it (docs/contract.md §2)."""
    seconds, rest = divmod(ns, SECOND)
    stamp = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{stamp}.{rest // MILLISECOND:03d}Z"


def day_start(ns: int, days_before: int = 0) -> int:
    """Midnight of this machine's time zone: of the day of `ns`, or so many days before."""
    day = datetime.fromtimestamp(ns // SECOND, UTC).astimezone().date() - timedelta(days=days_before)
    # Naive times are local ones to `timestamp`, and have the offset of that day.
    return int(datetime(day.year, day.month, day.day).timestamp()) * SECOND


def week_start(ns: int) -> int:
    """Midnight of the Monday before."""
    return day_start(ns, datetime.fromtimestamp(ns // SECOND, UTC).astimezone().weekday())


def parse_duration(text: str) -> int | None:
    """`90s`, `15m`, `2h`, `3d`, `1h30m` to nanoseconds; None when it is not a duration."""
    total, end = 0, 0
    for match in _DURATION.finditer(text):
        if match.start() != end:
            return None
        total += int(float(match[1]) * _UNITS[match[2]])
        end = match.end()
    return total if text and end == len(text) else None


def parse_time(text: str, now: int) -> int:
    """TIME of the command line: ISO 8601, or a duration back from `now` (docs/contract.md §1).

    Raises UsageError naming both forms.
    """
    back = parse_duration(text.strip())
    if back is not None:
        return max(0, now - back)
    at = parse_iso(text.strip())
    if at is None:
        raise UsageError(f"not a time: {text!r}; write 2026-11-20T14:02:00Z, or a duration back from now such as 15m")
    return at


_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")


def parse_wall(text: str, near: int, now: int) -> int:
    """As `parse_time`, and besides `14:02` or `14:02:30` of this machine's day at `near`. Raises UsageError."""
    found = _CLOCK.fullmatch(text.strip())
    if found is None:
        return parse_time(text, now)
    hours, minutes, seconds = int(found[1]), int(found[2]), int(found[3] or 0)
    if hours > 23 or minutes > 59 or seconds > 59:
        raise UsageError(f"not a time of day: {text!r}; write 14:02 or 14:02:30")
    day = datetime.fromtimestamp(near // SECOND, UTC).astimezone().date()
    # Naive times are local ones to `timestamp`.
    return int(datetime(day.year, day.month, day.day, hours, minutes, seconds).timestamp()) * SECOND


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
