"""When a person noticed what calls for somebody: the first look at it is put on record, once per finding.

A look is a session that a person chose and stayed with for a second, or opened, or acted upon. What a cursor passes on
its way, and what is selected while nobody is there, is no look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator_tui.clock import SECOND
from orchestrator_tui.ui.actions import COMMANDS

if TYPE_CHECKING:
    from textual.timer import Timer

    from orchestrator_tui.ui.app import OrcApp

DWELL = SECOND
"""So long somebody stays with what is looked at."""
MOST = 1000
"""Findings that are remembered as asked; the fold knows what came of them."""
ACTS = (COMMANDS - {"new", "note", "undo"}) | {"snooze", "acknowledge", "open", "diff"}
"""What is done about the selected session."""


class Noticing:
    """Asks the host to note that a person looked."""

    def __init__(self, app: OrcApp) -> None:
        self.app = app
        self._chosen: tuple[str, int] | None = None
        """The session that a person chose, and when (monotonic); it is looked at once, a second later."""
        self._timer: Timer | None = None
        self._asked: dict[tuple[str, str, int], None] = {}
        """(session, cause, when it was raised) of what was asked for here."""

    def choose(self, session: str) -> None:
        """A person chose a session, maybe the one that was chosen already."""
        self._chosen = (session, self.app.clock.monotonic())
        self._wait(DWELL)

    def look(self) -> None:
        """What time does: somebody who stays has seen it."""
        if self._chosen is None:
            return
        session, since = self._chosen
        left = DWELL - (self.app.clock.monotonic() - since)
        if session != self.app.selected:
            self._chosen = None
        elif left > 0:
            self._wait(left)
        else:
            self._chosen = None
            self.see(session)

    def _wait(self, nanoseconds: int) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.app.set_timer(nanoseconds / SECOND, self.look)

    def acts(self, action: str) -> None:
        """An action is done: where it opens the selected session, or does something about it, that was seen."""
        if action in ACTS and self.app.selected is not None:
            self.see(self.app.selected)

    def see(self, name: str) -> None:
        """Note that a person looked, where something calls for somebody that was not looked at yet."""
        if self.app.deck.on or not self.app.live.host_runs():
            return
        session = self.app.live.fleet.sessions.get(name)
        if session is None:
            return
        seen = session.alerts.viewed_at or 0
        new = [
            (name, cause, alert.raised_at)
            for cause, alert in session.alerts.open.items()
            if alert.severity in ("red", "amber") and alert.raised_at > seen
        ]
        new = [one for one in new if one not in self._asked]
        if not new:
            return
        for one in new:
            self._asked[one] = None
        while len(self._asked) > MOST:
            del self._asked[next(iter(self._asked))]
        self.app.commanding.ask("view", {"session": name})
