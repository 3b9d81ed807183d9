"""The mouse on the fleet's screen; nothing needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events

from orchestrator_tui.ui.widgets.panel import Panel

if TYPE_CHECKING:
    from orchestrator_tui.ui.screens.fleet import FleetScreen

WHEEL = 3
"""Rows for one step of the wheel."""


class Pointing:
    """Click selects, a double click opens, a drag marks, the wheel scrolls."""

    def __init__(self, screen: FleetScreen) -> None:
        self._screen = screen
        self._from: tuple[int, int] | None = None
        """Where a drag began, in the map's own coordinates."""
        self._drags = False

    def map_event(self, event: events.MouseEvent) -> None:
        """Something on the map."""
        view, x, y = self._screen.view, int(event.x), int(event.y)
        if isinstance(event, events.MouseScrollDown | events.MouseScrollUp):
            view.scroll(WHEEL if isinstance(event, events.MouseScrollDown) else -WHEEL)
            self._redraw()
        elif isinstance(event, events.MouseDown):
            self._from = view.place(x, y) if event.button == 1 and 1 <= y <= view.rows else None
            self._drags = False
        elif isinstance(event, events.MouseUp):
            self._from = None
        elif isinstance(event, events.MouseMove):
            self._drag(x, y)
        elif isinstance(event, events.Click) and not self._drags:
            self._click(event, view.at(x, y))

    def _click(self, event: events.Click, session: str | None) -> None:
        app, view = self._screen.orc, self._screen.view
        if session is None:
            columns = self._screen.query_one("#map", Panel).size.width
            if view.jump(int(event.x), int(event.y), columns):
                self._redraw()
        elif event.shift or event.ctrl:
            app.commanding.marks.toggle(session)
            app.redraw()
        else:
            app.select(session)
            if event.chain == 2:
                app.open_session()

    def _drag(self, x: int, y: int) -> None:
        app, view = self._screen.orc, self._screen.view
        if self._from is None:
            return
        if not self._drags and view.place(x, y) == self._from:
            return
        self._drags = True
        names = view.within(self._from, x, y)
        marks = app.commanding.marks
        if names != marks.targets(None):
            marks.clear()
            for name in names:
                marks.toggle(name)
            app.redraw()

    def queue_event(self, event: events.MouseEvent) -> None:
        """Something on the queue."""
        if isinstance(event, events.Click):
            session = self._screen.queued_at(int(event.y))
            if session is not None:
                self._screen.orc.select(session)
                if event.chain == 2:
                    self._screen.orc.open_session()
        elif isinstance(event, events.MouseScrollDown | events.MouseScrollUp):
            self._screen.step_queue(1 if isinstance(event, events.MouseScrollDown) else -1)

    def _redraw(self) -> None:
        self._screen.redraw_map()
