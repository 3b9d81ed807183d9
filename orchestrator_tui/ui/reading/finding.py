"""A search through one session: from its end backwards, a page at a time, beside the screen."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from pathlib import Path

from orchestrator_tui.events import Event, decode
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.ui.reading.entries import told

ROWS = 10_000
"""Rows of one read: some tens of milliseconds, in a thread."""
MOST = 10_000
"""Matches that are kept; more are not counted."""
SEARCHED = ("user.message", "assistant.message", "assistant.thinking", "tool.call", "tool.result", "api.error",
            "permission.asked", "alert.raised", "hook", "unparsed", "session.ended")  # fmt: skip
_TYPES = ",".join(f"'{name}'" for name in SEARCHED)
_WORD = re.compile(r"[A-Za-z0-9]+")


class Search:
    """What matches a text, by number; letters' case does not count."""

    def __init__(self, text: str, session: str, end: int) -> None:
        """`end`: numbers below it are searched."""
        self.text, self.session = text, session
        self.pattern = re.compile(re.escape(text), re.IGNORECASE)
        # Every letter and digit of ASCII stands in the stored text as it is: that sorts out most rows undecoded.
        self._key = max(_WORD.findall(text), key=len, default="").lower()
        self._found: list[int] = []
        """Numbers of what matches, descending while the search goes back."""
        self._later: list[int] = []
        """The same of what came since, ascending."""
        self.next = end
        self.done = False
        self.rows_read = 0

    # --- asking -------------------------------------------------------------------------------------------

    @property
    def count(self) -> int:
        """How many match so far."""
        return len(self._found) + len(self._later)

    @property
    def full(self) -> bool:
        """Whether there may be more than are counted."""
        return len(self._found) >= MOST

    def order(self) -> list[int]:
        """The numbers of all matches, ascending."""
        return [*reversed(self._found), *self._later]

    def place(self, seqs: tuple[int, ...]) -> int | None:
        """Which match one of these numbers is, from 1 on; None: none of them."""
        numbers = self.order()
        for seq in seqs:
            at = bisect_left(numbers, seq)
            if at < len(numbers) and numbers[at] == seq:
                return at + 1
        return None

    def step(self, seqs: tuple[int, ...], forward: bool) -> int | None:
        """The match after or before these numbers, round the end; None without any."""
        numbers = self.order()
        if not numbers:
            return None
        if forward:
            return numbers[bisect_right(numbers, max(seqs)) % len(numbers)]
        return numbers[bisect_left(numbers, min(seqs)) - 1]

    # --- looking ------------------------------------------------------------------------------------------

    def see(self, event: Event) -> None:
        """An event that came after the search began."""
        newest = self._later[-1] if self._later else 0
        if event.seq > newest and self.matches(event) and len(self._later) < MOST:
            self._later.append(event.seq)

    def matches(self, event: Event) -> bool:
        """Whether an event's words hold the text."""
        return self.pattern.search(told(event.body)) is not None

    def look(self, path: Path) -> list[int]:
        """The matches of the next rows; for a thread: it has the store open for itself alone."""
        with Reader(path) as reader:
            key = reader.session_key(self.session)
            near = "FROM events WHERE session = ? AND seq < ? ORDER BY seq DESC LIMIT ?"
            ((low, count),) = reader.query(f"SELECT min(seq), count(*) FROM (SELECT seq {near})", key, self.next, ROWS)
            # SQLite's `lower` is ASCII's, as the key is; what it leaves out need not be decoded.
            sql = (
                f"SELECT seq, type, payload FROM (SELECT seq, type, payload {near}) "
                f"WHERE type IN ({_TYPES}) AND instr(lower(CAST(payload AS TEXT)), ?)"
            )
            rows = reader.query(sql, key, self.next, ROWS, self._key)
        found = [seq for seq, kind, payload in rows if self.pattern.search(told(decode(kind, payload))) is not None]
        self.rows_read += count
        if count:
            self.next = low
        self.done = count < ROWS
        return found

    def take(self, found: list[int]) -> None:
        """Keep what `look` found."""
        self._found += found[: MOST - len(self._found)]
        self.done = self.done or self.full
