"""What `orc doctor` found, on a page of its own."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct
from textual.app import ComposeResult

from orchestrator_tui.text import line
from orchestrator_tui.ui.draw.ink import Line, Run, fit, framed, line_of, wrapped
from orchestrator_tui.ui.screens.own import OwnScreen
from orchestrator_tui.ui.widgets.panel import Panel

MARKS = {"ok": ("√", "working"), "note": ("·", "dim"), "bad": ("╳", "errored bold")}
ABOUT = 12
"""Columns of what a finding is about."""


class Finding(Struct, frozen=True):
    """One finding of `orc doctor --json`."""

    about: str
    state: str
    text: str
    fix: str | None = None


def finding_lines(findings: tuple[Finding, ...], columns: int) -> list[Line]:
    """What is off first; each wrapped to so many columns."""
    rows: list[Line] = []
    for one in sorted(findings, key=lambda one: one.state != "bad"):
        sign, role = MARKS.get(one.state, MARKS["note"])
        room = max(8, columns - ABOUT - 5)
        parts = wrapped(line(one.text, 600), room, 4) or [""]
        for number, part in enumerate(parts):
            head: list[Run] = [(f" {sign} ", role), (fit(line(one.about, 40), ABOUT), "dim")] if not number else []
            text = "text" if one.state != "bad" else "errored"
            rows.append(line_of([*(head or [(" " * (ABOUT + 3), "text")]), (part, text)], columns))
        fixes = wrapped(line(one.fix or "", 300), max(1, room - 2), 2)
        rows += [line_of([(" " * (ABOUT + 3), "text"), ("→ ", "dim"), (part, "strong")], columns) for part in fixes]
    return rows


class DoctorScreen(OwnScreen):
    """The findings; they come when the verb has ended."""

    PLACE: ClassVar[str] = "doctor"

    def __init__(self) -> None:
        super().__init__()
        self.findings: tuple[Finding, ...] = ()
        self.words = "looking at everything ..."
        self.top = 0

    def compose(self) -> ComposeResult:
        """One panel."""
        yield Panel(self._draw, id="doctor")

    def show(self, findings: tuple[Finding, ...], words: str) -> None:
        """What came of it; where the page was closed meanwhile nothing."""
        self.findings, self.words = findings, words
        if self.is_attached:
            self.query_one(Panel).redraw()

    def _draw(self, columns: int, rows: int) -> list[Line]:
        inner, height, keys = max(1, columns - 2), max(1, rows - 2), self.orc.keys
        lines = finding_lines(self.findings, inner)
        if self.words:
            lines = [line_of([(" " + self.words, "dim")], inner), *lines]
        self.top = max(0, min(self.top, len(lines) - height))
        off = sum(one.state == "bad" for one in self.findings)
        title: list[Run] = [("doctor", "strong")]
        if self.findings:
            title.append((f"  {off} off" if off else "  nothing is off", "errored" if off else "dim"))
        more = f"{len(lines) - height - self.top} below   " if len(lines) - height > self.top else ""
        right: list[Run] = [(more, "dim"), (keys.shown("doctor"), "key"), (" again   ", "dim")]
        right += [(keys.shown("back"), "key"), (" back", "dim")]
        return framed(lines[self.top : self.top + height], columns, rows, title, right, "border")

    def do(self, name: str) -> None:
        """Scroll, or back."""
        page = max(1, self.size.height - 4)
        steps = {"up": -1, "down": 1, "page-up": -page, "page-down": page}
        if name in steps:
            self.top = max(0, self.top + steps[name])
            self.query_one(Panel).redraw()
        elif name in ("back", "open"):
            self.orc.pop_screen()
            self.orc.call_after_refresh(self.orc.redraw)
