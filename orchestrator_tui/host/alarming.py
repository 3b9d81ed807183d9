"""Judging what the host has folded in: what began to call for somebody, grew worse, or has gone."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator_tui.events import AlertCleared, AlertEscalated, AlertRaised, Event, KnownBody
from orchestrator_tui.fleet.alarms import news
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.judging import Judge

OWN = (AlertRaised, AlertEscalated, AlertCleared)
"""What is told of a session changes nothing that it is judged by."""


class Alarming:
    """Keeps every session's status, and says what is news."""

    def __init__(self, first_look: int) -> None:
        """`first_look`: what happened before this host looked calls for nobody."""
        self.judge = Judge()
        self._first_look = first_look
        self._touched: set[str] = set()

    def heed(self, events: Iterable[Event]) -> None:
        """These were folded in."""
        self._touched.update(
            event.session for event in events if event.session is not None and not isinstance(event.body, OWN)
        )

    def news(self, fleet: Fleet, now: int) -> list[tuple[str | None, KnownBody]]:
        """What is to be told now."""
        touched, self._touched = self._touched, set()
        judged = self.judge.update(fleet, now, touched, fleet.children() if touched else {})
        statuses = self.judge.statuses
        return [
            (name, body)
            for name in sorted(judged)
            for body in news(fleet.sessions[name], statuses[name], self._first_look)
        ]
