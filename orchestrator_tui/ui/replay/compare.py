"""Two sessions side by side on one clock: two parts of a split, a fork and its parent, one task on two models."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.events import Resize

from orchestrator_tui.fleet.session import Session
from orchestrator_tui.text import line
from orchestrator_tui.ui.draw.ink import Line, framed
from orchestrator_tui.ui.draw.inspector import draw_inspector
from orchestrator_tui.ui.screens.working import Working
from orchestrator_tui.ui.widgets.panel import Panel

if TYPE_CHECKING:
    from orchestrator_tui.ui.app import OrcApp

NARROW = 100
"""Under so many columns they stand one above the other."""
RELATED = ("split", "fork", "escalation", "iteration")


def pair_of(app: OrcApp) -> tuple[str, str] | str:
    """Whom to compare: the two that are marked, else the selected one and its nearest relative; or why nobody."""
    sessions = app.live.fleet.sessions
    marked = [name for name in app.commanding.marks.targets(app.selected) if name in sessions]
    if len(marked) == 2:
        return marked[0], marked[1]
    if len(marked) > 2:
        return "compare takes two sessions; mark two with v"
    session = sessions.get(app.selected or "")
    if session is None:
        return "no session is selected"
    other = relative(session, list(sessions.values()))
    return (session.id, other.id) if other is not None else "mark a second session with v to compare with"


def relative(session: Session, sessions: list[Session]) -> Session | None:
    """The nearest relative: another part, whom it came from, or who came from it."""
    own = [s for s in sessions if s.id != session.id]
    if session.parent is not None and session.relation in RELATED:
        parts = [s for s in own if s.parent == session.parent and s.relation == session.relation == "split"]
        parents = [s for s in own if s.id == session.parent]
        near = sorted(parts, key=lambda s: (s.started_at, s.id)) or parents
        return near[0] if near else None
    heirs = [s for s in own if s.parent == session.id and s.relation in RELATED]
    return min(heirs, key=lambda s: (s.started_at, s.id), default=None)


class CompareScreen(Working):
    """Two inspectors, the timeline below."""

    PLACE: ClassVar[str] = "replay"
    INSPECTOR: ClassVar[str] = "#first"
    OWN: ClassVar[frozenset[str]] = frozenset({"back", "open", "pane", "left", "right", "up", "down"})
    """Actions that have their meaning here."""
    CSS = """
    CompareScreen #pair { height: 1fr; }
    CompareScreen.-narrow #pair { layout: vertical; }
    """

    def __init__(self, first: str, second: str) -> None:
        super().__init__()
        self.pair = (first, second)

    def compose(self) -> ComposeResult:
        """The panels."""
        yield Panel(self._draw_meters, id="meters")
        with Horizontal(id="pair"):
            yield Panel(lambda columns, rows: self._draw(0, columns, rows), id="first")
            yield Panel(lambda columns, rows: self._draw(1, columns, rows), id="second")
        yield from self.lower()

    def on_resize(self, event: Resize) -> None:
        """Choose the layout."""
        self.set_class(event.size.width < NARROW, "-narrow")
        self.bar.lay_out()

    def inspector_seen(self) -> bool:
        """Nothing is answered from here."""
        return False

    def _draw_meters(self, columns: int, rows: int) -> list[Line]:
        return self.orc.deck.shown.meters(columns, rows)

    def _draw(self, which: int, columns: int, rows: int) -> list[Line]:
        name, app = self.pair[which], self.orc
        details = app.details_of(name)
        chosen = app.selected == name
        role = "key" if chosen else "border"
        if details is None:
            session = app.live.fleet.sessions.get(name)
            words = "not on the map at this time" if session is not None else "had not begun"
            title = [(line(name, 60), "strong")]
            return framed(
                [((f" {words}", "dim"), (" " * max(0, columns - 3 - len(words)), "text"))],
                columns,
                rows,
                title,
                [],
                role,
            )
        title = [(details.cell.seat or details.cell.region, "strong bold"), (f"  {details.cell.model}", "dim")]
        return framed(draw_inspector(details, app.drawn.now, columns - 2, rows - 2), columns, rows, title, [], role)

    def do(self, name: str) -> None:
        """One action of the table."""
        if name in ("back", "now", "open"):
            self.orc.pop_screen()
            self.orc.call_after_refresh(self.orc.redraw)
        elif name in self.OWN:
            first, second = self.pair
            self.orc.select(second if self.orc.selected == first else first)
