"""Entries laid out at the screen's size, each once; and which of them are unfolded."""

from __future__ import annotations

import re

from orchestrator_tui.text import age
from orchestrator_tui.ui.draw.ink import Line
from orchestrator_tui.ui.draw.transcript import lay
from orchestrator_tui.ui.draw.transcript_words import FOUND
from orchestrator_tui.ui.reading.entries import Entry

MOST = 3000
"""Entries whose lines are kept."""


class Laid:
    """Lines by entry."""

    def __init__(self) -> None:
        self._columns, self._now = 80, 0
        self._pattern: re.Pattern[str] | None = None
        self._kept: dict[tuple[object, ...], list[Line]] = {}
        self._turned: set[int] = set()
        """Numbers of the entries that are the other way round than all."""
        self.all_open = False

    def use(self, columns: int, now: int, pattern: re.Pattern[str] | None) -> None:
        """The size, the time and the search from here on."""
        if (columns, pattern) != (self._columns, self._pattern):
            self._kept.clear()
        self._columns, self._now, self._pattern = columns, now, pattern

    def lay(self, entry: Entry) -> list[Line]:
        """An entry's lines."""
        result = entry.result.seq if entry.result is not None else 0
        outcome = getattr(entry.body, "outcome", None), getattr(entry.body, "started_at", None)
        runs = age(self._now - entry.at) if entry.runs else ""
        key = (entry.seq, result, runs, entry.day, self.is_open(entry), outcome)
        lines = self._kept.get(key)
        if lines is None:
            if len(self._kept) >= MOST:
                self._kept.clear()
            lines = self._kept[key] = lay(entry, self._columns, self._now, key[4] is True, self._pattern)
        return lines

    def is_open(self, entry: Entry) -> bool:
        """Whether it is unfolded."""
        return entry.folds and self.all_open != (entry.seq in self._turned)

    def open(self, entry: Entry | None) -> None:
        """Unfold one."""
        if entry is not None and entry.folds and not self.is_open(entry):
            self.turn(entry)

    def found(self, entry: Entry | None) -> int:
        """The first of its rows in which the search found something; 0 where none shows it."""
        rows = self.lay(entry) if entry is not None else []
        return next((n for n, row in enumerate(rows) if any(role == FOUND for _, role in row)), 0)

    def turn(self, entry: Entry | None) -> None:
        """Fold or unfold one."""
        if entry is not None and entry.folds:
            self._turned ^= {entry.seq}

    def turn_all(self) -> None:
        """Fold or unfold all."""
        self.all_open = not self.all_open
        self._turned.clear()
