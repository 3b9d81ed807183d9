"""What every screen of orc has: the application by its own type, and panels in its colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.screen import Screen

from orchestrator_tui.ui.widgets.panel import Panel

if TYPE_CHECKING:
    from orchestrator_tui.ui.app import OrcApp


class OwnScreen(Screen[None]):
    """A screen of panels."""

    PLACE: ClassVar[str]
    """What the table of actions calls it."""

    @property
    def orc(self) -> OrcApp:
        """The application, by its own type."""
        return cast("OrcApp", self.app)

    def on_mount(self) -> None:
        """Take the theme."""
        for panel in self.query(Panel):
            panel.use(self.orc.paint)
