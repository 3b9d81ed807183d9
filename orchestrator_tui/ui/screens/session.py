"""One session on the whole screen: its transcript as it happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.app import ComposeResult
from textual.screen import Screen

from orchestrator_tui.ui.draw.chrome import footer
from orchestrator_tui.ui.draw.ink import Line, framed
from orchestrator_tui.ui.draw.inspector import draw_inspector
from orchestrator_tui.ui.draw.meters import meters
from orchestrator_tui.ui.widgets.panel import Panel

if TYPE_CHECKING:
    from orchestrator_tui.ui.app import OrcApp


class SessionScreen(Screen[None]):
    """The inspector, large."""

    @property
    def orc(self) -> OrcApp:
        """The application, by its own type."""
        return cast("OrcApp", self.app)

    def compose(self) -> ComposeResult:
        """The panels."""
        yield Panel(lambda columns, rows: meters(self.orc.drawn, columns, rows), id="meters")
        yield Panel(self._draw, id="large")
        yield Panel(lambda columns, rows: footer("session", columns), id="footer")

    def on_mount(self) -> None:
        """Take the theme."""
        for panel in self.query(Panel):
            panel.use(self.orc.paint)

    def _draw(self, columns: int, rows: int) -> list[Line]:
        details = self.orc.details()
        title = [(details.cell.seat or details.cell.region, "strong")] if details else []
        lines = draw_inspector(details, self.orc.drawn.now, columns - 2, rows - 2)
        return framed(lines, columns, rows, title, [("Esc back", "dim")], "border")

    def do(self, name: str) -> None:
        """Back to the fleet."""
        if name in ("back", "open"):
            self.orc.pop_screen()
            self.orc.call_after_refresh(self.orc.redraw)
