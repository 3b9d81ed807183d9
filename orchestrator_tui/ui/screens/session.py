"""One session on the whole screen: its transcript as it happens."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.events import Resize

from orchestrator_tui.ui.draw.ink import Line, framed
from orchestrator_tui.ui.draw.meters import meters
from orchestrator_tui.ui.screens.working import Working
from orchestrator_tui.ui.widgets.panel import Panel


class SessionScreen(Working):
    """The inspector, large."""

    PLACE: ClassVar[str] = "session"
    INSPECTOR: ClassVar[str] = "#large"

    def compose(self) -> ComposeResult:
        """The panels."""
        yield Panel(lambda columns, rows: meters(self.orc.drawn, columns, rows), id="meters")
        yield Panel(self._draw, id="large")
        yield from self.lower()

    def on_resize(self, event: Resize) -> None:
        """The ask bar takes the rows that it needs at this width."""
        self.bar.lay_out()

    def _draw(self, columns: int, rows: int) -> list[Line]:
        details = self.orc.details()
        title = [(details.cell.seat or details.cell.region, "strong")] if details else []
        return framed(self.inspected(columns - 2, rows - 2), columns, rows, title, [("Esc back", "dim")], "border")

    def do(self, name: str) -> None:
        """Back to the fleet."""
        if name in ("back", "open"):
            self.orc.pop_screen()
            self.orc.call_after_refresh(self.orc.redraw)
