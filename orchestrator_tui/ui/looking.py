"""Which session is looked at, and what the inspector shows of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from orchestrator_tui.fleet.session import Session
from orchestrator_tui.ui.frame import Cell, Details
from orchestrator_tui.ui.lookup import Lookup

if TYPE_CHECKING:
    from orchestrator_tui.ui.app import OrcApp


class Looking:
    """The eye on one session; what it sees is read from the store only when the session changed."""

    def __init__(self, app: OrcApp) -> None:
        self.app = app
        self._found = Lookup()
        self._details: tuple[tuple[object, ...], Details | None] = ((), None)

    def cell(self, session: str | None) -> Cell | None:
        """A session's cell in the frame that is shown, on the map or in the queue."""
        return self._found.shown(self.app.drawn, session)

    def on_map(self, session: str | None) -> Cell | None:
        """A session's cell on the map."""
        return self._found.cell(self.app.drawn, session)

    def details(self) -> Details | None:
        """The inspector's part of the frame."""
        app = self.app
        cell = self.cell(app.selected)
        session = app.live.fleet.sessions.get(app.selected or "")
        if cell is None or session is None:
            return None
        key = (session.id, session.last_at, session.spend.requests, app.live.fleet.seq if session.turn_open else 0)
        if self._details[0] != key:
            self._details = (key, self._read(cell, session))
        details = self._details[1]
        if details is not None and details.cell is not cell:
            details = replace(details, cell=cell, proof=app.live.proof(cell.status.lines))
        return details

    def forget(self) -> None:
        """Another source is shown from here on."""
        self._details = ((), None)

    def stay(self) -> None:
        """A new frame: the same session, where it is still there; else the first that needs somebody, or the first."""
        app, drawn = self.app, self.app.drawn
        there = self.cell(app.selected) is not None
        # A filter only hides: what was looked at is looked at again when it is taken away.
        if not there and not (app.filter and app.selected in app.live.fleet.sessions):
            first = (cell.id for region in drawn.regions for cell in region.cells[:1])
            app.selected = drawn.queue[0].id if drawn.queue else next(first, None)

    def _read(self, cell: Cell, session: Session) -> Details | None:
        app = self.app
        events, proof = app.live.last_events(session.id), app.live.proof(cell.status.lines)
        try:
            return app.framer.details(app.live.fleet, cell, events, proof)
        except KeyError:
            # A frame is being made meanwhile, and somebody of its tree just left the fleet.
            return None
