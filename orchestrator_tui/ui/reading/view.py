"""Where somebody is in a transcript: the first row that is shown, the entry that is chosen, and the tail.

The place is an entry and a row within it, never a count of rows: what comes at the end does not move it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from orchestrator_tui.fleet.ledger import Decision
from orchestrator_tui.ui.draw.ink import Line
from orchestrator_tui.ui.reading.entries import Entry, entries_of
from orchestrator_tui.ui.reading.pages import Pages

Layout = Callable[[Entry], list[Line]]
"""An entry -> its lines, at the size of the screen."""
LOADS = 24
"""Pages that one movement reads at most."""


class View:
    """A window of rows onto the pages."""

    def __init__(self, pages: Pages) -> None:
        self.pages = pages
        self.entries: list[Entry] = []
        self.follows = True
        """Whether the last row stays in sight."""
        self.chosen = 0
        """Number of the chosen entry; 0: none yet."""
        self._top = (0, 0)
        """Number of the first entry that is shown, and how many of its rows are above."""
        self._made: tuple[object, ...] = ()
        self._commands: Sequence[Decision] = ()
        self._running: frozenset[str] = frozenset()
        self._left_at = 0
        """The newest number when the tail was left."""

    # --- what there is ------------------------------------------------------------------------------------

    def use(self, commands: Sequence[Decision], running: frozenset[str]) -> None:
        """Make the entries anew, where something of them changed."""
        self._commands, self._running = commands, running
        made = (self.pages.changes, commands, running)
        if made == self._made:
            return
        self._made = made
        end = self.pages.newest
        shown = commands if self.pages.at_end else [one for one in commands if one.seq <= end]
        self.entries = entries_of(self.pages.events, shown, running)
        if self.entries and (self.follows or not self.chosen):
            self.chosen = self.entries[-1].seq

    def place(self, seq: int) -> int:
        """Index of the entry that has this number, or of the last one before it."""
        found = 0
        low, high = 0, len(self.entries)
        while low < high:
            middle = (low + high) // 2
            if self.entries[middle].seq <= seq:
                found, low = middle, middle + 1
            else:
                high = middle
        return found

    @property
    def current(self) -> Entry | None:
        """The chosen entry."""
        return self.entries[self.place(self.chosen)] if self.entries else None

    @property
    def unread(self) -> int | None:
        """Entries that came since the tail was left; None where it is not known how many."""
        if self.follows:
            return 0
        if not self.pages.at_end:
            return None
        return len(self.entries) - 1 - self.place(self._left_at) if self.entries else 0

    # --- what is shown ------------------------------------------------------------------------------------

    def rows(self, lay: Layout, height: int) -> list[tuple[Entry, Line]]:
        """The rows on the screen, each with its entry."""
        if not self.entries:
            return []
        if self.follows:
            self._to_bottom(lay, height)
        place, skip = self._anchor(lay)
        out: list[tuple[Entry, Line]] = []
        while len(out) < height:
            if place >= len(self.entries):
                last = self.entries[-1].seq
                if not self._more(False):
                    break
                # The far end may have been let go: the place is found anew.
                place = self.place(last) + 1
                continue
            entry = self.entries[place]
            out += [(entry, row) for row in lay(entry)[skip:]]
            place, skip = place + 1, 0
        if len(out) < height and not self.follows:
            # Nothing is below: the last row stands at the bottom, unless all of it fits.
            before = self._top
            self._to_bottom(lay, height)
            if self._top != before:
                return self.rows(lay, height)
        return out[:height]

    def _to_bottom(self, lay: Layout, height: int) -> None:
        """The last row at the bottom."""
        left, place = height, len(self.entries)
        while left > 0:
            if place == 0:
                first = self.entries[0].seq
                if not self._more(True):
                    break
                place = self.place(first)
                continue
            place -= 1
            left -= len(lay(self.entries[place]))
        self._top = (self.entries[place].seq, max(0, -left))

    def _anchor(self, lay: Layout) -> tuple[int, int]:
        place = self.place(self._top[0])
        entry = self.entries[place]
        return place, min(self._top[1], len(lay(entry)) - 1) if entry.seq == self._top[0] else 0

    def _more(self, back: bool) -> bool:
        """Read on at one end, keeping the place; whether something came."""
        came = self.pages.older() if back else self.pages.newer()
        self.use(self._commands, self._running)
        return came

    # --- moving -------------------------------------------------------------------------------------------

    def scroll(self, lay: Layout, height: int, rows: int) -> None:
        """So many rows down, or up; the chosen entry stays in sight."""
        if not self.entries:
            return
        self._leave()
        place, skip = self._anchor(lay)
        skip += rows
        loads = 0
        while skip < 0:
            if place == 0:
                seq = self.entries[0].seq
                loads += 1
                if loads > LOADS or not self._more(True):
                    skip = 0
                    break
                place = self.place(seq)
                continue
            place -= 1
            skip += len(lay(self.entries[place]))
        while skip >= (size := len(lay(self.entries[place]))):
            if place + 1 >= len(self.entries):
                seq = self.entries[place].seq
                loads += 1
                if loads > LOADS or not self._more(False):
                    skip = size - 1
                    break
                place = self.place(seq)
                continue
            skip -= size
            place += 1
        self._top = (self.entries[place].seq, skip)
        shown = {entry.seq for entry, _ in self.rows(lay, height)}
        if self.chosen not in shown and shown:
            self.chosen = min(shown) if rows > 0 else max(shown)

    def step(self, lay: Layout, height: int, by: int) -> None:
        """The next entry, or the one before; of one that does not fit first its other rows."""
        if not self.entries:
            return
        current = self.place(self.chosen)
        shown = [entry.seq for entry, _ in self.rows(lay, height)]
        seq = self.entries[current].seq
        size = len(lay(self.entries[current]))
        if size > height and shown.count(seq) < size and (shown[-1] if by > 0 else shown[0]) == seq:
            at_edge = self._at_edge(lay, height, current, by)
            if not at_edge:
                self.scroll(lay, height, by * max(1, height - 2))
                self.chosen = seq
                return
        if not 0 <= current + by < len(self.entries):
            self._more(by < 0)
            current = self.place(seq)
        target = max(0, min(current + by, len(self.entries) - 1))
        if target == current:
            return
        self._leave()
        self.chosen = self.entries[target].seq
        self.show(lay, height)

    def _at_edge(self, lay: Layout, height: int, current: int, by: int) -> bool:
        """Whether a tall entry's last row, or its first, is in sight."""
        top, skip = self._anchor(lay)
        if by < 0:
            return top < current or skip == 0
        above = -skip + sum(len(lay(entry)) for entry in self.entries[top:current])
        return above + len(lay(self.entries[current])) <= height

    def show(self, lay: Layout, height: int) -> None:
        """Bring the chosen entry into sight."""
        if not self.entries:
            return
        place, (top, skip) = self.place(self.chosen), self._anchor(lay)
        if place < top or (place == top and skip):
            self._top = (self.entries[place].seq, 0)
            return
        above = -skip
        for entry in self.entries[top:place]:
            above += len(lay(entry))
            if above > height:
                break
        size = len(lay(self.entries[place]))
        if above + min(size, height) <= height:
            return
        left = height - min(size, height)
        while left > 0 and place > 0:
            place -= 1
            left -= len(lay(self.entries[place]))
        self._top = (self.entries[place].seq, max(0, -left)) if size < height else (self.chosen, 0)

    def jump(self, seq: int, lay: Layout, height: int) -> None:
        """To the entry that has this number, wherever it is; it comes to stand in the upper third."""
        self._leave()
        if not self.pages.oldest <= seq <= self.pages.newest:
            self.pages.around(seq)
        self.use(self._commands, self._running)
        place = next((n for n, entry in enumerate(self.entries) if seq in entry.seqs), self.place(seq))
        if not self.entries:
            return
        self.chosen = self.entries[place].seq
        self._top = (self.chosen, 0)
        self.scroll(lay, height, -(height // 3))
        self.chosen = self.entries[self.place(self.chosen)].seq

    def show_row(self, lay: Layout, height: int, row: int) -> None:
        """Bring a row of the chosen entry into sight."""
        if not self.entries:
            return
        top, skip = self._anchor(lay)
        place = self.place(self.chosen)
        if place < top:
            return
        above = sum(len(lay(entry)) for entry in self.entries[top:place]) - skip
        if not 0 <= above + row < height:
            chosen = self.chosen
            self.scroll(lay, height, above + row - height // 3)
            self.chosen = chosen

    def to_start(self) -> None:
        """The first entry at the top."""
        self._leave()
        if not self.pages.at_start:
            self.pages.to_start()
        self.use(self._commands, self._running)
        if self.entries:
            self.chosen = self.entries[0].seq
            self._top = (self.chosen, 0)

    def to_end(self) -> None:
        """The tail; it is followed from here on."""
        if not self.pages.at_end:
            self.pages.to_end()
        self.follows = True
        self._made = ()
        self.use(self._commands, self._running)

    def hold(self) -> None:
        """Stay where one is."""
        self._leave()

    def _leave(self) -> None:
        if self.follows:
            self.follows = False
            self._left_at = self.pages.newest
