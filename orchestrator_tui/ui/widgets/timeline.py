"""The timeline on the screen: it is there while the past is shown; a click goes to that time."""

from __future__ import annotations

from collections.abc import Callable

from textual.events import Click

from orchestrator_tui.ui.widgets.panel import Draw, Panel


class TimelinePanel(Panel):
    """Docked above the footer; nothing needs the mouse."""

    DEFAULT_CSS = (
        "TimelinePanel { display: none; height: 5; }"
        "TimelinePanel.-open { display: block; }"
        "TimelinePanel.-middle { height: 8; }"
        "TimelinePanel.-high { height: 11; }"
    )

    def __init__(self, draw: Draw, click: Callable[[int, int], None], shown: bool, rows: int) -> None:
        super().__init__(draw, id="timeline")
        self._click = click
        self.settle(shown, rows)

    def settle(self, shown: bool, rows: int) -> None:
        """Be there or not, as high as a screen of so many rows lets it."""
        self.set_class(shown, "-open")
        self.set_class(30 <= rows < 45, "-middle")
        self.set_class(rows >= 45, "-high")

    def on_click(self, event: Click) -> None:
        """Go to the time under the pointer."""
        self._click(event.x, self.size.width)
