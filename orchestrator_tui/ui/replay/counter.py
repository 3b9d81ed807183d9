"""Counting what the timeline shows, a part of each tick: no read is long, and no key waits for it."""

from __future__ import annotations

import time
from collections.abc import Iterator

from orchestrator_tui.fleet.moments import CHUNK, Column, Track, columns_of
from orchestrator_tui.store.moments import count_chunk
from orchestrator_tui.ui.replay.past import Past


class Counter:
    """A track, and how far it is counted."""

    def __init__(self) -> None:
        self.track = Track()
        self._counting: Iterator[None] | None = None
        self._opened: tuple[int, int] = (-1, -1)
        """The window for which alerts raised before it were asked for."""
        self._counted: tuple[int, float] = (-1, 0.0)
        """The newest event, and the time, when a chunk was counted last."""
        self._columns: tuple[tuple[int, ...], list[Column]] = ((), [])

    def columns(self, start: int, step: int, count: int) -> list[Column]:
        """What is known so far; the same list while nothing changed."""
        key = (self.track.version, start, step, count)
        if self._columns[0] != key:
            self._columns = (key, columns_of(self.track, start, step, count))
        return self._columns[1]

    def count(self, past: Past, start: int, span: int, present: int, seconds: float) -> int:
        """Count a part of what the timeline shows; returns a number that tells two states apart."""
        until = time.perf_counter() + seconds
        end = min(start + span, present)
        while time.perf_counter() < until:
            if self._counting is None:
                missing = self.track.missing(start, end)
                # An open chunk is counted again when something came, at most once a second.
                if not missing or ((missing[0] + 1) * CHUNK > present and not self._stale(past)):
                    break
                self._counting = count_chunk(past.reader, self.track, missing[0], present)
                self._counted = (past.known, time.monotonic())
            if next(self._counting, True) is True:
                self._counting = None
        if self._counting is None and self._opened != (start, span):
            self._opened = (start, span)
            for session in past.fleet.sessions.values():
                for cause, alert in session.alerts.open.items():
                    if alert.raised_at < start:
                        self.track.open_before(session.id, cause, alert.status, alert.raised_at)
        return self.track.version

    def _stale(self, past: Past) -> bool:
        known, at = self._counted
        return past.known != known and time.monotonic() - at >= 1
