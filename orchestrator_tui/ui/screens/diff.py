"""What a session changed since it began, line by line. Read only; git is asked beside the screen."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual.app import ComposeResult

from orchestrator_tui.fleet.session import Session
from orchestrator_tui.host.diffs import Diff, diff_of
from orchestrator_tui.host.git import Git, GitTrouble
from orchestrator_tui.text import line
from orchestrator_tui.ui.draw.chrome import footer
from orchestrator_tui.ui.draw.diff import draw_diff, place_of
from orchestrator_tui.ui.draw.ink import Line
from orchestrator_tui.ui.screens.own import OwnScreen
from orchestrator_tui.ui.widgets.panel import Panel

SIDEWAYS = 16
"""Columns of one step to the side."""


class DiffScreen(OwnScreen):
    """One session's diff."""

    PLACE: ClassVar[str] = "diff"

    def __init__(self, session: Session, name: str) -> None:
        """`name` is what the session is called on the map."""
        super().__init__()
        self.session, self._called = session, name
        self.diff: Diff | None = None
        self.words = ""
        self.top = self.left = 0
        self._git: Git | None = None

    def compose(self) -> ComposeResult:
        """The panels."""
        yield Panel(self._draw, id="large")
        yield Panel(lambda columns, rows: footer("diff", columns, keys=self.orc.keys), id="footer")

    def on_mount(self) -> None:
        """Ask git."""
        self.ask()

    def on_unmount(self) -> None:
        """Git need not go on."""
        if self._git is not None:
            self._git.close()

    def ask(self) -> None:
        """Ask git; keys go on meanwhile."""
        self.on_unmount()
        self._git = Git.find()
        if self._git is None:
            self._told(None, "git was not found on this machine")
            return
        self.words = "git is asked what differs ..."
        self.run_worker(self._asked(self._git), exclusive=True)

    async def _asked(self, git: Git) -> None:
        session = self.session
        cwd = session.cwd
        if cwd is None:
            self._told(None, "the session does not say in which directory it works")
            return
        try:
            diff = await asyncio.to_thread(diff_of, git, cwd, session.started_at, session.worktree.seen)
        except GitTrouble as trouble:
            self._told(None, str(trouble))
            return
        self._told(diff, f"no git checkout of yours was found at {line(cwd, 200)}" if diff is None else "")

    def _told(self, diff: Diff | None, words: str) -> None:
        self.diff, self.words = diff, words
        self.move(0)

    def _draw(self, columns: int, rows: int) -> list[Line]:
        back = self.orc.keys.shown("back")
        return draw_diff(self.diff, self.words, self._called, self.top, self.left, columns, rows, back)

    def move(self, lines: int) -> None:
        """Up or down; the last line may come to stand at the top, so that every file can."""
        count = len(self.diff.lines) if self.diff is not None else 0
        self.top = max(0, min(self.top + lines, count - 1))
        for panel in self.query(Panel):
            panel.redraw()

    def _file(self, step: int) -> None:
        if self.diff is None or not self.diff.files:
            return
        files = self.diff.files
        place = place_of(self.diff, self.top)
        # Within a file the one before it is its own beginning.
        place += step if step > 0 or self.top == files[place].at else 0
        self.move(files[max(0, min(place, len(files) - 1))].at - self.top)

    def do(self, name: str) -> None:
        """One action of the table."""
        page = max(1, self.query_one("#large", Panel).size.height - 4)
        steps = {"up": -1, "down": 1, "page-up": -page, "page-down": page}
        if name in steps:
            self.move(steps[name])
        elif name in ("left", "right"):
            self.left = max(0, self.left + (SIDEWAYS if name == "right" else -SIDEWAYS))
            self.move(0)
        elif name in ("next-file", "previous-file"):
            self._file(1 if name == "next-file" else -1)
        elif name == "diff":
            self.ask()
        elif name in ("back", "open"):
            self.orc.pop_screen()
            self.orc.call_after_refresh(self.orc.redraw)
