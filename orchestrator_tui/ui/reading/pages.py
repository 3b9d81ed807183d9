"""A window over one session's events: pages by number, at most so many kept, growing at both ends.

Only rows that a transcript shows are decoded. A session's events never go back in time, so a moment is a number, too.
"""

from __future__ import annotations

from collections import deque

from msgspec import Struct

from orchestrator_tui.events import Event, decode
from orchestrator_tui.store.reader import Reader

PAGE = 300
"""Rows of one read."""
KEEP = 6
"""Pages in memory: what lies further off is read again when somebody goes there."""
EMPTY = 40
"""Pages without anything to show that one step reads at most."""
NEVER = 1 << 62
TOLD = (
    "user.message", "assistant.message", "assistant.thinking", "tool.call", "tool.result", "compact.started",
    "compact.ended", "check", "session.ended", "api.error", "hook", "alert.raised", "acknowledged", "snoozed",
    "unparsed", "process.gone", "permission.asked", "permission.answered", "budget.set", "model.requested",
    "split.made", "session.adopted",
)  # fmt: skip
"""The types that a transcript shows."""
_TYPES = ",".join(f"'{name}'" for name in TOLD)
_ROWS = (
    f"SELECT seq, at, seen_at, source_at, type, CASE WHEN type IN ({_TYPES}) THEN payload END FROM events "
    "WHERE session = ? AND seq > ? AND seq < ? ORDER BY seq"
)


class Page(Struct):
    """What a stretch of numbers holds; both ends are events of the session."""

    first: int
    last: int
    events: list[Event]
    """Those that are shown, in order."""


class Pages:
    """The part of a session's transcript that is in memory."""

    def __init__(self, reader: Reader, session: str, until: int | None = None) -> None:
        """`until`: nothing placed after this time is read; None follows the tail."""
        self._reader, self.session, self.until = reader, session, until
        self._key: int | None = None
        self._pages: deque[Page] = deque()
        self.at_start = self.at_end = False
        """Whether the window holds the first event, and the newest."""
        self.rows_read = 0
        """Rows that were asked of the store, for tests that count work."""
        self.changes = 0
        """Rises with every change of the window."""
        self.end = NEVER
        """No event of this number or above is read."""
        self.first = 0
        """The number of the session's first event."""

    # --- asking -------------------------------------------------------------------------------------------

    @property
    def events(self) -> list[Event]:
        """Everything in the window, in order."""
        return [event for page in self._pages for event in page.events]

    @property
    def newest(self) -> int:
        """The last number that was looked at; 0 when nothing was."""
        return self._pages[-1].last if self._pages else 0

    @property
    def oldest(self) -> int:
        """The first number that was looked at; 0 when nothing was."""
        return self._pages[0].first if self._pages else 0

    # --- moving -------------------------------------------------------------------------------------------

    def to_end(self) -> None:
        """The window at the newest events."""
        self._find()
        self._start(self.end)
        self.at_end = True
        self.older()

    def to_start(self) -> None:
        """The window at the oldest events."""
        self._start(0)
        self.at_start = True
        self.newer()

    def around(self, seq: int) -> None:
        """The window with this number in its middle."""
        if not (self._pages and self.oldest <= seq <= self.newest):
            self._start(seq)
        self.older()
        self.newer()

    def older(self) -> bool:
        """Another page before the window; whether something came that is shown."""
        return self._grow(back=True)

    def newer(self) -> bool:
        """Another page behind the window; whether something came that is shown."""
        return self._grow(back=False)

    def follow(self) -> bool:
        """Take up what was appended, where the window is at the end; whether something came that is shown."""
        if not self.at_end or self.until is not None:
            return False
        return self._grow(back=False)

    def extend(self, until: int) -> bool:
        """Go on to a later moment; where that is far, the window is made anew at its end. Whether something came."""
        before = self.newest
        self.until = until
        if not self._find():
            return False
        if self._key is not None:
            self.end = self._number_of(self._key, until)
        if self.at_end:
            self.at_end = False
            for _ in range(KEEP):
                if not self._grow(back=False) or self.at_end:
                    break
            if not self.at_end:
                self.to_end()
        return self.newest != before

    # --- reading ------------------------------------------------------------------------------------------

    def _start(self, seq: int) -> None:
        """An empty window between this number and the one before it."""
        self._find()
        self._pages.clear()
        self._border = seq
        self.at_start = self.at_end = False
        self.changes += 1

    def _find(self) -> bool:
        """Look the session up; whether it is stored."""
        if self._key is None:
            self._key = self._reader.session_key(self.session)
            if self._key is not None:
                self.first = self._reader.first_seq(self.session) or 0
                if self.until is not None:
                    self.end = self._number_of(self._key, self.until)
        return self._key is not None

    def _number_of(self, key: int, until: int) -> int:
        """The number of the session's first event that is placed after a time."""
        low, high = 0, self._reader.last_seq() + 1
        while low < high:
            middle = (low + high) // 2
            sql = "SELECT seq, at FROM events WHERE session = ? AND seq >= ? ORDER BY seq LIMIT 1"
            found = self._reader.query(sql, key, middle)
            self.rows_read += len(found)
            if found and found[0][1] <= until:
                low = found[0][0] + 1
            else:
                high = middle
        return low

    def _grow(self, back: bool) -> bool:
        if not self._find():
            return False
        for _ in range(EMPTY):
            if self.at_start if back else (self.at_end and self.until is not None):
                return False
            page, full = self._read(back)
            if page is not None:
                self._take(page, back)
            if not full:
                if back:
                    self.at_start = True
                else:
                    self.at_end = True
            if page is not None and page.events:
                return True
            if not full:
                return False
        return False

    def _read(self, back: bool) -> tuple[Page | None, bool]:
        """The rows next to the window, and whether there may be more."""
        if back:
            low, high = 0, self.oldest or self._border
        else:
            low, high = self.newest or self._border - 1, self.end
        rows = self._reader.query(f"{_ROWS}{' DESC' if back else ''} LIMIT {PAGE}", self._key, low, high)
        self.rows_read += len(rows)
        if not rows:
            return None, False
        if back:
            rows.reverse()
        events = [
            Event(seq, at, seen, source, self.session, decode(kind, payload))
            for seq, at, seen, source, kind, payload in rows
            if payload is not None
        ]
        return Page(rows[0][0], rows[-1][0], events), len(rows) == PAGE

    def _take(self, page: Page, back: bool) -> None:
        """Put a page at its end of the window; small ones are joined, and the far end is let go."""
        pages = self._pages
        self.changes += bool(page.events)
        near = (pages[0] if back else pages[-1]) if pages else None
        if near is not None and len(near.events) + len(page.events) <= PAGE:
            near.first, near.last = min(near.first, page.first), max(near.last, page.last)
            near.events = [*page.events, *near.events] if back else [*near.events, *page.events]
        elif back:
            pages.appendleft(page)
        else:
            pages.append(page)
        while len(pages) > KEEP:
            if back:
                pages.pop()
                self.at_end = False
            else:
                pages.popleft()
                self.at_start = False
