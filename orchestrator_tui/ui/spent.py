"""What was spent today and this week, from the store's roll-ups: asked again only when something was appended."""

from __future__ import annotations

from orchestrator_tui.clock import SECOND, day_start, week_start
from orchestrator_tui.fleet.tokens import Spend
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.spending import SLOT, spent
from orchestrator_tui.ui.frame import Money

EVERY = SECOND
"""Today is asked for at most this often."""
ANEW = 600 * SECOND
"""The days before change only by what is found late: asked for this often."""
HOUR = 4
"""Quarters."""


class Spent:
    """The sums, kept up to date."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._asked_at = self._week_at = 0
        self._seq = -1
        self._before = Spend()
        """This week's before today."""
        self.now = Money()

    def refresh(self, now: int, seq: int) -> Money:
        """The sums at `now`; `seq` is the newest event's number: without a new one only a new day changes them."""
        today = day_start(now)
        if now - self._week_at >= ANEW or now < self._week_at or now >= self.now.midnight:
            self._before = spent(self._reader, week_start(now), today).get("", Spend())
            self._week_at, self._asked_at = now, 0
        if now - self._asked_at >= EVERY and (seq != self._seq or not self._asked_at):
            self.now, self._asked_at, self._seq = self._sums(today, now), now, seq
        return self.now

    def _sums(self, today: int, now: int) -> Money:
        projects = spent(self._reader, today, now + 1, "project")
        total, week = Spend(), Spend()
        for part in projects.values():
            total.merge(part)
        week.merge(total)
        week.merge(self._before)
        hour = (now // SLOT - HOUR) * SLOT
        return Money(
            today=total,
            week=week,
            projects=projects,
            hour_cost=spent(self._reader, hour, now + 1).get("", Spend()).cost,
            hour_seconds=(now - hour) // SECOND,
            # Tomorrow's midnight, also after a day of 23 or 25 hours.
            midnight=day_start(today + 26 * 3600 * SECOND),
        )
