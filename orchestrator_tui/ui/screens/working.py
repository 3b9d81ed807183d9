"""What the screens share on which commands are given: the line on commands, the ask bar, and the footer."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult

from orchestrator_tui.ui.draw.chrome import footer
from orchestrator_tui.ui.draw.ink import Line, line_of
from orchestrator_tui.ui.draw.inspector import draw_inspector
from orchestrator_tui.ui.draw.ordered import order_line
from orchestrator_tui.ui.screens.own import OwnScreen
from orchestrator_tui.ui.widgets.askbar import AskBar
from orchestrator_tui.ui.widgets.panel import Panel
from orchestrator_tui.ui.widgets.timeline import TimelinePanel


class Working(OwnScreen):
    """A screen on which a session is looked at, and commanded."""

    AUTO_FOCUS = ""
    """Keys go to the table of actions; only what asks for text takes them, while it is open."""
    PLACE: ClassVar[str] = "fleet"
    INSPECTOR: ClassVar[str] = "#inspector"

    def __init__(self) -> None:
        super().__init__()
        self._order: Line | None = None
        self._toasts: list[Line] = []

    @property
    def bar(self) -> AskBar:
        """Where questions are asked."""
        return self.query_one(AskBar)

    def lower(self) -> ComposeResult:
        """The lower edge: the ask bar, what came by itself, the line on commands, the footer."""
        yield TimelinePanel(self.orc.deck.shown.draw, self.orc.deck.shown.click, self.orc.deck.on, self.orc.size.height)
        yield AskBar(self.orc.clock, self.orc.keys)
        yield Panel(self._draw_toasts, id="toasts")
        yield Panel(self._draw_order, id="orders")
        yield Panel(self._draw_footer, id="footer")

    def settle(self) -> None:
        """The line on commands is there while there is something to tell."""
        app, acts = self.orc, self.orc.commanding
        toasts = self.query("#toasts")
        if not toasts:
            # It is being closed: its parts have gone.
            return
        self._order = order_line(
            app.live.fleet.orders, acts.batches, app.clock.now(), acts, app.live.alive or app.deck.on, acts.words,
            acts.why, max(1, self.size.width), app.keys.shown("undo"),
        )  # fmt: skip
        self._toasts = app.toasts.lines(app.clock.monotonic(), max(1, self.size.width))
        toasts.set_class(bool(self._toasts), "-open")
        toasts.set_class(len(self._toasts) > 1, "-two")
        self.query_one("#orders").set_class(self._order is not None, "-open")
        self.query_one(TimelinePanel).settle(app.deck.on, self.size.height)

    @property
    def crowded(self) -> bool:
        """Whether the lower edge takes more than its row."""
        return self._order is not None or self.bar.opened or self.orc.picking.opened or bool(self._toasts)

    def step(self, order: list[str]) -> None:
        """The next in a round, after the one that is selected."""
        if order:
            place = order.index(self.orc.selected) if self.orc.selected in order else -1
            self.orc.select(order[(place + 1) % len(order)])

    def step_in_queue(self, answered: str) -> None:
        """One was answered: the next of the queue, where it stood there."""
        order = [cell.id for cell in self.orc.drawn.queue]
        if answered == self.orc.selected and answered in order and len(order) > 1:
            self.step(order)

    def go_on(self, session: str) -> None:
        """One was answered; where there is a queue, its next comes."""

    def centre(self) -> None:
        """The selected session to the middle of the map, where there is one."""

    def inspector_seen(self) -> bool:
        """Whether the inspector is on the screen, to its last row."""
        panel = self.query_one(self.INSPECTOR, Panel)
        return self.is_current and bool(panel.display and panel.size.area and panel.region.bottom <= self.size.height)

    def inspected(self, columns: int, rows: int) -> list[Line]:
        """The inspector's lines; what they show whole can be answered."""
        app = self.orc
        details = app.details()
        beside, whole = app.advice.of(details, columns, rows)
        app.commanding.shown_whole(whole)
        return draw_inspector(details, app.drawn.now, columns, rows, beside)

    def _draw_order(self, columns: int, rows: int) -> list[Line]:
        return [self._order if self._order is not None else line_of([], columns)]

    def _draw_toasts(self, columns: int, rows: int) -> list[Line]:
        return self.orc.toasts.lines(self.orc.clock.monotonic(), columns)

    def _draw_footer(self, columns: int, rows: int) -> list[Line]:
        narrow, app = self.has_class("-narrow"), self.orc
        place = "replay" if app.deck.on else self.PLACE
        return self.bar.keys(columns) or footer(place, columns, narrow, app.deck.shown.applies(), app.keys)
