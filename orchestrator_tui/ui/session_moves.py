"""What keys do in a session's transcript: moving, folding, searching, copying, going to the evidence."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from orchestrator_tui.errors import StoreError
from orchestrator_tui.text import line
from orchestrator_tui.ui.reading.entries import amount, copied
from orchestrator_tui.ui.reading.finding import Search
from orchestrator_tui.ui.reading.reading import Reading

if TYPE_CHECKING:
    from orchestrator_tui.ui.screens.session import SessionScreen


class Moves:
    """The keys of one session screen."""

    def __init__(self, screen: SessionScreen) -> None:
        self.screen = screen
        self._proof: tuple[tuple[int, ...], int] = ((), -1)
        """The lines that prove what is told, and which of them was gone to last."""

    def do(self, reading: Reading, name: str) -> None:
        """One action of the table."""
        view, lay, height = reading.view, self.screen.laid.lay, self.screen.height
        pages = {"entry-page-up": -1, "entry-page-down": 1}
        if name in ("entry-up", "entry-down"):
            view.step(lay, height, -1 if name == "entry-up" else 1)
        elif name in pages:
            view.scroll(lay, height, pages[name] * max(1, height - 1))
        elif name == "entry-first":
            view.to_start()
        elif name in ("entry-last", "follow"):
            view.to_end()
        elif name == "fold":
            view.hold()
            self.screen.laid.turn(view.current)
            view.show(lay, height)
        elif name == "fold-all":
            view.hold()
            self.screen.laid.turn_all()
            view.show(lay, height)
        elif name == "copy":
            self._copy(reading)
        elif name == "find":
            self.screen.ask()
        elif name in ("find-next", "find-previous") and reading.search is not None:
            current = view.current
            seq = reading.search.step(current.seqs if current is not None else (0,), name == "find-next")
            if seq is not None:
                self._to_match(seq)
        elif name == "evidence":
            self._to_evidence(reading)

    def choose(self, reading: Reading, seq: int) -> None:
        """Choose an entry; once more unfolds or folds it."""
        view = reading.view
        view.hold()
        if view.chosen == seq:
            self.screen.laid.turn(view.current)
        view.chosen = seq

    def _to_match(self, seq: int) -> None:
        """Jump to a match; what is folded over it is unfolded."""
        reading = self.screen.reading
        if reading is not None:
            view = reading.view
            view.jump(seq, self.screen.laid.lay, self.screen.height)
            self.screen.laid.open(view.current)
            view.show_row(self.screen.laid.lay, self.screen.height, self.screen.laid.found(view.current))

    def _to_evidence(self, reading: Reading) -> None:
        """The lines that prove what is told of it, one after the other."""
        details = self.screen.orc.details()
        lines = details.cell.status.lines if details is not None else ()
        if not lines:
            self.screen.orc.commanding.tell("nothing that is told of it now rests on a line of the transcript")
            return
        place = (self._proof[1] + 1) % len(lines) if self._proof[0] == lines else 0
        self._proof = (lines, place)
        reading.view.jump(lines[place], self.screen.laid.lay, self.screen.height)
        self.screen.orc.commanding.tell(f"line {place + 1} of {len(lines)} that prove it")

    def _copy(self, reading: Reading) -> None:
        entry = reading.view.current
        if entry is None:
            return
        name, text = copied(entry)
        self.screen.orc.copy_to_clipboard(text)
        self.screen.orc.commanding.tell(f"copied {name}, {amount(len(text))}, as far as it is kept")

    async def search(self, reading: Reading, search: Search) -> None:
        """Look page by page; the nearest match before where one is comes first."""
        start = reading.view.chosen
        jumped = False
        while not search.done and reading.search is search and self.screen.reading is reading:
            try:
                search.take(await asyncio.to_thread(search.look, reading.path))
            except StoreError as trouble:
                self.screen.orc.commanding.tell(str(trouble))
                return
            before = [seq for seq in search.order() if seq <= start]
            if not jumped and (before or (search.done and search.count)):
                jumped = True
                self._to_match(before[-1] if before else search.order()[0])
            self.screen.drawn_anew()
        if reading.search is search and not search.count:
            self.screen.orc.commanding.tell(f"nothing in this session matches {line(search.text, 60)}")
