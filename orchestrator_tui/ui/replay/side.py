"""One half of a comparison: a session's transcript as it stood at the time that is shown, and its figures."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from orchestrator_tui.errors import StoreError
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.text import line
from orchestrator_tui.ui.draw.beside import Figures, draw_figures
from orchestrator_tui.ui.draw.gantt import bars_of
from orchestrator_tui.ui.draw.ink import Line, Run, framed, line_of
from orchestrator_tui.ui.draw.transcript import ruled
from orchestrator_tui.ui.frame import Cell
from orchestrator_tui.ui.reading.decided import Decided
from orchestrator_tui.ui.reading.lately import Lately, Scale
from orchestrator_tui.ui.reading.layout import Laid
from orchestrator_tui.ui.reading.pages import Pages
from orchestrator_tui.ui.reading.view import View

if TYPE_CHECKING:
    from orchestrator_tui.ui.app import OrcApp


class Side:
    """Reads no more than what time brought, and draws one panel."""

    def __init__(self, app: OrcApp, name: str) -> None:
        self.app, self.name = app, name
        self.laid = Laid()
        self.whole: Decided | None = None
        """What was decided on it, up to now; of that only what had happened is shown."""
        self.view: View | None = None
        self.lately: Lately | None = None
        self.columns = 1
        self._at: tuple[object, ...] = ()
        self._until = -1
        self._decided = Decided(name, 0)
        self._height = 1
        self._rows: list[int] = []

    @property
    def session(self) -> Session | None:
        """As the fleet has it at this time."""
        return self.app.live.fleet.sessions.get(self.name)

    @property
    def cell(self) -> Cell | None:
        """As the map has it."""
        return self.app.looking.cell(self.name)

    # --- reading ------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Be at the time that is shown; where nothing of this session changed nothing is read."""
        app, session = self.app, self.session
        until = app.deck.clock.at if app.deck.on else app.clock.now()
        told = self.whole is not None and self.whole.done
        at = (session.last_at if session is not None else None, told)
        if self.view is None or at != self._at:
            self._at = at
            self._read(until)
            self._decide(until)
        if self.view is not None:
            running = frozenset(session.calls) if session is not None else frozenset[str]()
            self.view.use(self._decided.all, running)
            if self.view.follows:
                self.view.to_end()

    def _read(self, until: int) -> None:
        reader = self.app.live.reader
        if self.view is None or self.lately is None or until < self._until:
            pages = Pages(reader, self.name, until)
            self.view, self.lately = View(pages), Lately(reader, self.name, until)
            self.view.to_end()
        else:
            self.view.pages.extend(until)
        self._until = until
        self.lately.follow(self.view.pages.end)

    def _decide(self, until: int) -> None:
        self._decided = Decided(self.name, 0, until)
        if self.whole is not None:
            self._decided.take(self.whole.kept)

    async def read_ledger(self) -> None:
        """Read what was decided on it, page by page beside the screen."""
        reader = self.app.live.reader
        self.whole = whole = Decided(self.name, reader.first_seq(self.name) or 0)
        while not whole.done:
            try:
                whole.take(await asyncio.to_thread(whole.look, reader.path))
            except StoreError:
                return
        self.app.redraw()

    # --- drawing ------------------------------------------------------------------------------------------

    def draw(self, scale: Scale, columns: int, rows: int) -> list[Line]:
        """The panel; `scale`: of the curves of both."""
        self.columns = columns
        app, cell, session = self.app, self.cell, self.session
        role = "key" if app.selected == self.name else "border"
        title: list[Run] = [(line(self.name, 60), "strong")]
        if cell is not None:
            title = [(cell.seat or cell.region, "strong bold"), (f"  {cell.model}  ", "dim"), (cell.name, "text")]
        inner, room = max(1, columns - 2), max(0, rows - 2)
        lately = self.lately
        told = Figures(
            session, cell, tuple(lately.uses) if lately is not None else (),
            tuple(lately.context) if lately is not None else (), scale, app.drawn.now,
        )  # fmt: skip
        head = draw_figures(told, inner, room)
        body = self._transcript(inner, max(1, room - len(head)), cell)
        return framed([*head, *body], columns, rows, title, [], role, self._foot())

    def _transcript(self, columns: int, rows: int, cell: Cell | None) -> list[Line]:
        view = self.view
        self._height = rows
        if view is None:
            return []
        self.laid.use(max(8, columns - 1), self.app.drawn.now, None)
        shown = view.rows(self.laid.lay, rows)
        self._rows = [one.seq for one, _ in shown]
        proof = frozenset(cell.status.lines) if cell is not None else frozenset[int]()
        marks = not view.follows and self.app.selected == self.name
        lines = [ruled(row, marks and one.seq == view.chosen, bool(proof.intersection(one.seqs))) for one, row in shown]
        if not lines:
            return [line_of([(" nothing of its transcript by this time", "dim")], columns)]
        return [*[line_of([], columns)] * (rows - len(lines)), *lines]

    def _foot(self) -> list[Run]:
        return (
            [("held; down to its end follows ", "waiting")] if self.view is not None and not self.view.follows else []
        )

    # --- moving -------------------------------------------------------------------------------------------

    def step(self, by: int) -> None:
        """The next entry of its transcript, or the one before; from the last one on it follows the time again."""
        view = self.view
        if view is None or not view.entries:
            return
        view.step(self.laid.lay, self._height, by)
        if by > 0 and view.pages.at_end and view.chosen == view.entries[-1].seq:
            view.to_end()

    def scroll(self, rows: int) -> None:
        """So many rows down, or up."""
        if self.view is not None:
            self.view.scroll(self.laid.lay, self._height, rows)
            if rows > 0 and self.view.pages.at_end and self._rows[-1:] == [self.view.entries[-1].seq]:
                self.view.to_end()


def common(sides: tuple[Side, Side], now: int) -> Scale:
    """One axis of time for both: from the first that is known of either to the last."""
    columns = bars_of(max(1, min(side.columns for side in sides) - 2))
    known = [side.lately for side in sides if side.lately is not None and side.lately.began is not None]
    last = max((side.session.last_at for side in sides if side.session is not None), default=now)
    if not known:
        return Scale(0, 1, columns)
    return min(known, key=lambda lately: lately.began or 0).scale(now, columns, last)
