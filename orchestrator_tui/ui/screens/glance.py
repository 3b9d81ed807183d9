"""The fleet for two metres away. The keys that answer a session answer the one that is shown."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.events import Resize

from orchestrator_tui.fleet import SECOND
from orchestrator_tui.ui.actions import COMMANDS
from orchestrator_tui.ui.advice import applies
from orchestrator_tui.ui.draw.chrome import footer
from orchestrator_tui.ui.draw.glance import draw_glance, one_of
from orchestrator_tui.ui.draw.ink import Line
from orchestrator_tui.ui.screens.working import Working
from orchestrator_tui.ui.widgets.panel import Panel

HERE = COMMANDS | {
    "next-needs-you", "snooze", "acknowledge", "open", "back", "need-me", "recall", "unmark", "theme", "palette",
    "help", "quit", "diff", "glance",
}  # fmt: skip
"""The actions that the footer shows."""
JUDGING = COMMANDS - {"undo", "new", "note"} | {"snooze", "acknowledge"}
"""What is done to the one that is shown."""
SETTLES = SECOND
"""So long after another one came to be shown by itself, a key for the one before does not hit it."""


class GlanceScreen(Working):
    """Figures, the one thing, and the map as blocks; one panel, of which only rows that changed are painted."""

    PLACE: ClassVar[str] = "fleet"
    INSPECTOR: ClassVar[str] = "#glance"

    def __init__(self) -> None:
        super().__init__()
        self._came: tuple[str | None, int] = (None, 0)
        """Who is shown, and since when it is shown without having been asked for (monotonic; 0: it was)."""
        self._opened = False

    def compose(self) -> ComposeResult:
        """The panel."""
        yield Panel(self._draw, id="glance")
        yield from self.lower()

    def on_mount(self) -> None:
        """Who is shown first was asked for."""
        shown = one_of(self.orc.drawn, self.orc.selected)
        self._came = (shown.id if shown is not None else None, 0)
        if shown is not None:
            self.orc.select(shown.id)
        self._opened = True

    def on_resize(self, event: Resize) -> None:
        """The ask bar takes the rows that it needs at this width."""
        self.bar.lay_out()

    def settle(self) -> None:
        """Who is shown is who is selected: the one that most needs somebody where the selected one does not."""
        app = self.orc
        shown = one_of(app.drawn, app.selected)
        current = shown.id if shown is not None else None
        if current is not None and current != app.selected:
            if self._opened:
                self._came = (current, app.clock.monotonic())
            app.select(current)
        elif self._came[0] != current:
            self._came = (current, 0)
        super().settle()

    def holds_back(self, name: str) -> str:
        """Why a key is not for the session that is selected; "" where it is."""
        app = self.orc
        if name not in JUDGING or len(app.commanding.marks):
            return ""
        if not app.drawn.watching or one_of(app.drawn, app.selected) is None:
            return f"nothing is shown that this key could be for; {app.keys.shown('back')} goes back to the map"
        since = self._came[1]
        if since and app.clock.monotonic() - since < SETTLES:
            return "another session is shown now: press it again if it is for this one"
        return ""

    def inspector_seen(self) -> bool:
        """A request is not shown whole in large letters: `y` shows it first."""
        return False

    def _draw(self, columns: int, rows: int) -> list[Line]:
        app = self.orc
        plain = app.config.screen.glyphs == "ascii"
        return draw_glance(app.drawn, columns, rows, app.selected, app.key_of, len(app.commanding.marks), plain)

    def _draw_footer(self, columns: int, rows: int) -> list[Line]:
        return self.bar.keys(columns) or footer(self.PLACE, columns, False, applies(self.orc) & HERE, self.orc.keys)

    def do(self, name: str) -> None:
        """One action of the table."""
        app = self.orc
        if name in ("back", "glance"):
            app.pop_screen()
            app.call_after_refresh(app.redraw)
        elif name == "next-needs-you":
            self.step([cell.id for cell in self.orc.drawn.queue])
        elif name in ("snooze", "acknowledge"):
            held = self.holds_back(name)
            if held:
                app.commanding.tell(held)
            else:
                app.choosing.judge(name)
        elif name == "latest-alert":
            latest = max(app.drawn.queue, key=lambda cell: cell.status.since, default=None)
            app.select(latest.id if latest else None)
        elif name == "open":
            app.open_session()

    def go_on(self, session: str) -> None:
        """One was answered: the next of the queue."""
        self.step_in_queue(session)
