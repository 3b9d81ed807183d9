"""The bar of control groups on the screen: one row while there are groups; a click recalls one."""

from __future__ import annotations

from collections.abc import Callable

from textual.events import Click

from orchestrator_tui.ui.draw.groups import Bar
from orchestrator_tui.ui.draw.ink import Line
from orchestrator_tui.ui.widgets.panel import Panel

Make = Callable[[int], Bar | None]
"""columns -> the bar; None while there is no group."""


class GroupBar(Panel):
    """The bar; nothing needs the mouse."""

    DEFAULT_CSS = "GroupBar { height: 1; display: none; } GroupBar.-open { display: block; }"

    def __init__(self, make: Make, recall: Callable[[int], None]) -> None:
        super().__init__(self._draw_bar, id="groups")
        self._make, self._recall = make, recall
        self._bar: Bar | None = None

    def settle(self, columns: int) -> None:
        """It is there while there are groups."""
        self._bar = self._make(max(1, columns))
        self.set_class(self._bar is not None, "-open")

    def _draw_bar(self, columns: int, rows: int) -> list[Line]:
        bar = self._make(columns)
        self._bar = bar
        return [bar.line] if bar is not None else []

    def on_click(self, event: Click) -> None:
        """Recall the group under the pointer; again: to its middle."""
        number = self._bar.at(event.x) if self._bar is not None else None
        if number is not None:
            self._recall(number)
