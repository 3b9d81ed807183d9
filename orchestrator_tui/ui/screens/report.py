"""The score page: what a period cost, what went wrong, what decisions changed. Worked out beside the screen."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult

from orchestrator_tui.clock import DAY, HOUR, day_start
from orchestrator_tui.errors import OrcError
from orchestrator_tui.fleet.report.sheet import Sheet, sheet_of
from orchestrator_tui.store.load import fleet_at, fleet_now
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.reporting import report_of
from orchestrator_tui.text import line
from orchestrator_tui.ui.draw.ink import Line, local_time
from orchestrator_tui.ui.draw.report import STILL, draw_report, page_of
from orchestrator_tui.ui.screens.own import OwnScreen
from orchestrator_tui.ui.widgets.panel import Panel

PERIODS: tuple[tuple[str, int | None], ...] = (
    ("the last hour", HOUR), ("the last 4 hours", 4 * HOUR), ("today", 0), ("the last 7 days", 7 * DAY),
    ("everything stored", None),
)  # fmt: skip
"""Name -> how far back; 0: since midnight, None: everything."""
TODAY = 2
MOVES = {"up": -1, "down": 1}


def work_out(database: Path, back: int | None, now: int, past: bool = False) -> Sheet:
    """The sheet of a period that ends now, or at a past instant; with a reader of its own, for a thread of its own.

    Raises OrcError.
    """
    since = None if back is None else day_start(now) if back == 0 else max(0, now - back)
    with Reader(database) as reader:
        fleet = fleet_at(reader, now) if past else fleet_now(reader)
        return sheet_of(report_of(reader, fleet, since, now, past=past))


class ReportScreen(OwnScreen):
    """The page of one period."""

    PLACE: ClassVar[str] = "report"

    def __init__(self) -> None:
        super().__init__()
        self.sheet: Sheet | None = None
        self.words = STILL
        self.top = 0
        self.period = TODAY
        self._page: tuple[Sheet | None, int, list[Line]] = (None, 0, [])

    def compose(self) -> ComposeResult:
        """One panel."""
        yield Panel(self._draw, id="report")

    def on_mount(self) -> None:
        """Begin to work it out."""
        self.ask()

    def ask(self) -> None:
        """Work the period out anew; keys go on meanwhile, and the page before stays."""
        self.words = f"{self._called}: {STILL}"
        self._redraw()
        self.run_worker(self._asked(self.period), exclusive=True)

    @property
    def _called(self) -> str:
        """The period in words; in a replay it ends at the instant that is shown."""
        name, deck = PERIODS[self.period][0], self.orc.deck
        return f"REPLAY, {name} up to {local_time(deck.clock.at, deck.present)}" if deck.on else name

    async def _asked(self, period: int) -> None:
        name, back = self._called, PERIODS[period][1]
        now, past = self.orc.clock.now(), self.orc.deck.on
        try:
            sheet = await asyncio.to_thread(work_out, self.orc.paths.database, back, now, past)
        except OrcError as error:
            self.sheet, self.words = None, f"{name}: {line(str(error))}"
        else:
            self.sheet, self.words = sheet, name
        self.top = 0
        self._redraw()

    def _draw(self, columns: int, rows: int) -> list[Line]:
        page = self._lines(columns - 2)
        self.top = max(0, min(self.top, len(page) - max(1, rows - 2)))
        return draw_report(self.sheet, self.words, page, self.top, columns, rows, self.orc.keys.shown)

    def _lines(self, columns: int) -> list[Line]:
        """The page in this width; made anew only for another sheet or another width."""
        if self._page[0] is not self.sheet or self._page[1] != columns:
            self._page = (self.sheet, columns, page_of(self.sheet, columns) if self.sheet is not None else [])
        return self._page[2]

    def _redraw(self) -> None:
        for panel in self.query(Panel):
            panel.redraw()

    def do(self, name: str) -> None:
        """One action of the table."""
        page = max(1, self.query_one(Panel).size.height - 4)
        if name in MOVES:
            self.top += MOVES[name]
        elif name in ("report-page-down", "report-page-up"):
            self.top += page if name == "report-page-down" else -page
        elif name in ("left", "right"):
            self.period = (self.period + (1 if name == "right" else -1)) % len(PERIODS)
            self.ask()
            return
        elif name == "report":
            self.ask()
            return
        elif name in ("back", "open"):
            self.orc.pop_screen()
            self.orc.call_after_refresh(self.orc.redraw)
            return
        self._redraw()
