"""What was spent today and this week, from the store's roll-ups: asked again only when something was appended."""

from __future__ import annotations

import time

from orchestrator_tui.clock import SECOND, day_start, week_start
from orchestrator_tui.fleet.tokens import Spend
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.spending import SLOT, spent
from orchestrator_tui.ui.frame import Money

EVERY = SECOND
"""Today is asked for at most this often."""
PART = 100
"""Of a core asking takes at most one part in so many: where thousands of sessions spend it comes less often."""
LATELY = 30 * SECOND
"""The last hour, which only a forecast is made of, is asked for this often."""
ANEW = 600 * SECOND
"""The days before change only by what is found late: asked for this often."""
HOUR = 4
"""Quarters."""


class Spent:
    """The sums, kept up to date."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._asked_at = self._week_at = self._hour_at = 0
        self._every = EVERY
        self._seq = -1
        self._hour = (0, 0)
        """When it begins, and its cost."""
        self._before = Spend()
        """This week's before today."""
        self.now = Money()

    def refresh(self, now: int, seq: int) -> Money:
        """The sums at `now`; `seq` is the newest event's number: without a new one only a new day changes them."""
        today = day_start(now)
        if now - self._week_at >= ANEW or now < self._week_at or now >= self.now.midnight:
            self._before = spent(self._reader, week_start(now), today).get("", Spend())
            self._week_at, self._asked_at = now, 0
        if now - self._asked_at >= self._every and (seq != self._seq or not self._asked_at):
            begun = time.perf_counter_ns()
            self.now, self._asked_at, self._seq = self._sums(today, now), now, seq
            self._every = max(EVERY, (time.perf_counter_ns() - begun) * PART)
        return self.now

    def _sums(self, today: int, now: int) -> Money:
        projects = spent(self._reader, today, now + 1, "project")
        total, week = Spend(), Spend()
        for part in projects.values():
            total.merge(part)
        week.merge(total)
        week.merge(self._before)
        if now - self._hour_at >= LATELY or now < self._hour_at:
            begun = (now // SLOT - HOUR) * SLOT
            self._hour = (begun, spent(self._reader, begun, now + 1).get("", Spend()).cost)
            self._hour_at = now
        begun, cost = self._hour
        return Money(
            today=total,
            week=week,
            projects=projects,
            hour_cost=cost,
            hour_seconds=(self._hour_at - begun) // SECOND,
            # Tomorrow's midnight, also after a day of 23 or 25 hours.
            midnight=day_start(today + 26 * 3600 * SECOND),
        )
