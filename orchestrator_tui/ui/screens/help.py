"""All keys and all signs on one page."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.app import ComposeResult
from textual.screen import Screen

from orchestrator_tui.ui.draw.chrome import help_page
from orchestrator_tui.ui.widgets.panel import Panel

if TYPE_CHECKING:
    from orchestrator_tui.ui.app import OrcApp


class HelpScreen(Screen[None]):
    """The page, or two where it does not fit."""

    def __init__(self) -> None:
        super().__init__()
        self.page = 0

    @property
    def orc(self) -> OrcApp:
        """The application, by its own type."""
        return cast("OrcApp", self.app)

    def compose(self) -> ComposeResult:
        """One panel."""
        yield Panel(lambda columns, rows: help_page(columns, rows, self.page), id="help")

    def on_mount(self) -> None:
        """Take the theme."""
        self.query_one(Panel).use(self.orc.paint)

    def do(self, name: str) -> None:
        """Back to where one was, or the other page."""
        if name == "help":
            self.page += 1
            self.query_one(Panel).redraw()
        if name in ("back", "open"):
            self.orc.pop_screen()
            self.orc.call_after_refresh(self.orc.redraw)
