"""When somebody was looking: silence counts only then (docs/architecture.md, "not watching is a fact")."""

from __future__ import annotations

from msgspec import Struct, field

from orchestrator_tui.fleet import SECOND

PATIENCE = 90 * SECOND
"""Without a beat for this long, nobody looks."""
MAX_GAPS = 64
"""Stretches of not looking that are remembered; older ones matter to no open session."""


class Watch(Struct):
    """The host's beats."""

    beat_at: int | None = None
    """The last sign of the host."""
    since: int | None = None
    """Since when somebody has looked without a break, up to `beat_at`."""
    stopped: bool = False
    """The host said that it ends."""
    gaps: list[tuple[int, int]] = field(default_factory=list)
    """(from, to) of past stretches in which nobody looked."""
    always: bool = False
    """Nobody needs to look: a log that is audited tells its own time."""

    def started(self, at: int) -> None:
        """A host began to look."""
        if self.beat_at is None:
            self.since = at
        elif self.stopped or at - self.beat_at > PATIENCE:
            self.gaps.append((self.beat_at, at))
            del self.gaps[:-MAX_GAPS]
            self.since = at
        self.beat_at, self.stopped = at, False

    def beat(self, at: int) -> None:
        """The host was looking at this time."""
        if self.beat_at is None or at - self.beat_at > PATIENCE or self.stopped:
            self.started(at)
        else:
            self.beat_at = max(at, self.beat_at)

    def stop(self, at: int) -> None:
        """The host ended on purpose."""
        self.beat_at, self.stopped = at, True

    def looking(self, now: int) -> bool:
        """Whether somebody looks at `now`."""
        if self.always:
            return True
        return self.beat_at is not None and not self.stopped and now - self.beat_at <= PATIENCE

    def watched(self, start: int, now: int) -> int:
        """Nanoseconds between `start` and `now` in which somebody looked."""
        lost = sum(max(0, min(to, now) - max(frm, start)) for frm, to in self.gaps)
        if not self.looking(now) and self.beat_at is not None:
            lost += max(0, now - max(start, self.beat_at))
        return max(0, now - start - lost)
