"""Words that come by themselves: up to two rows above the footer; they cover nothing and take no keys."""

from __future__ import annotations

from msgspec import Struct

from orchestrator_tui.clock import SECOND
from orchestrator_tui.text import line
from orchestrator_tui.ui.draw.ink import Line, Run, line_of, width

ROWS = 2
"""Rows that they take at most."""
KEPT = 20
LONG = 400
SIGNS = {"information": ("·", "key"), "warning": ("!", "waiting"), "error": ("!", "errored")}
"""Severity -> sign and role."""


class Toast(Struct, frozen=True):
    """One of them."""

    words: str
    severity: str
    until: int
    """Monotonic nanoseconds."""


class Toasts:
    """Those that stand, the oldest first: what came first is read first."""

    def __init__(self) -> None:
        self._there: list[Toast] = []

    def add(self, words: str, severity: str, seconds: float, now: int) -> None:
        """One more, for so many seconds; the same again only stays longer."""
        text = line(words, LONG)
        self._there = [one for one in self._there if one.words != text]
        self._there = [*self._there, Toast(text, severity, now + int(seconds * SECOND))][-KEPT:]

    def clear(self) -> None:
        """None of them any more."""
        self._there = []

    def lines(self, now: int, columns: int) -> list[Line]:
        """At most two rows; how many more there are stands at the end of the last."""
        self._there = [one for one in self._there if one.until > now]
        shown, more = self._there[:ROWS], len(self._there) - ROWS
        out: list[Line] = []
        for number, one in enumerate(shown):
            sign, role = SIGNS.get(one.severity, SIGNS["information"])
            tail = f"   and {more} more" if more > 0 and number == ROWS - 1 else ""
            words = line_of([(one.words, "text on surface")], max(1, min(width(one.words), columns - 3 - width(tail))))
            runs: list[Run] = [(f" {sign} ", f"{role} bold on surface"), *words, (tail, "dim on surface")]
            out.append(line_of(runs, columns, "text on surface"))
        return out
