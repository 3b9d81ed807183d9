"""All keys and all signs on one page."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult

from orchestrator_tui.ui.draw.help import help_page
from orchestrator_tui.ui.draw.ink import Line
from orchestrator_tui.ui.screens.own import OwnScreen
from orchestrator_tui.ui.widgets.panel import Panel

STEPS = {"help": 1, "down": 1, "right": 1, "page-down": 1, "up": -1, "left": -1, "page-up": -1}
"""Action -> pages."""


class HelpScreen(OwnScreen):
    """The page, or several where it does not fit."""

    PLACE: ClassVar[str] = "help"

    def __init__(self, place: str = "") -> None:
        """`place`: where one was."""
        super().__init__()
        self.page = 0
        self._place = place

    def compose(self) -> ComposeResult:
        """One panel."""
        yield Panel(self._draw, id="help")

    def _draw(self, columns: int, rows: int) -> list[Line]:
        return help_page(columns, rows, self.page, self.orc.keys, self._place)

    def do(self, name: str) -> None:
        """Back to where one was, or another page."""
        if name in STEPS:
            self.page += STEPS[name]
            self.query_one(Panel).redraw()
        if name in ("back", "open"):
            self.orc.pop_screen()
            self.orc.call_after_refresh(self.orc.redraw)
