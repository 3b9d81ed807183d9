"""Two sessions side by side on one clock: two parts of a split, a fork and its parent, one task on two models."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.events import Click, MouseScrollDown, MouseScrollUp, Resize

from orchestrator_tui.fleet.session import Session
from orchestrator_tui.ui.draw.ink import Line
from orchestrator_tui.ui.replay.side import Side, common
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
    """Two transcripts as they grew, the figures of each above, one timeline below."""

    PLACE: ClassVar[str] = "replay"
    INSPECTOR: ClassVar[str] = "#first"
    OWN: ClassVar[frozenset[str]] = frozenset({"back", "open", "pane", "left", "right", "up", "down"})
    """Actions that have their meaning here."""
    CSS = """
    CompareScreen #pair { height: 1fr; }
    CompareScreen #pair Panel { width: 1fr; height: 1fr; }
    CompareScreen.-narrow #pair { layout: vertical; }
    """

    def __init__(self, app: OrcApp, first: str, second: str) -> None:
        super().__init__()
        self.pair = (first, second)
        self.sides = (Side(app, first), Side(app, second))

    def compose(self) -> ComposeResult:
        """The panels."""
        yield Panel(self._draw_meters, id="meters")
        with Horizontal(id="pair"):
            yield Panel(lambda columns, rows: self._draw(0, columns, rows), id="first")
            yield Panel(lambda columns, rows: self._draw(1, columns, rows), id="second")
        yield from self.lower()

    def on_mount(self) -> None:
        """Read both."""
        if self.orc.selected not in self.pair:
            self.orc.select(self.pair[0])
        self._read()
        for side in self.sides:
            # As on the screen of one session.
            self.run_worker(partial(side.read_ledger), group=f"ledger of {side.name}")  # type: ignore[arg-type]

    def on_resize(self, event: Resize) -> None:
        """Choose the layout."""
        self.set_class(event.size.width < NARROW, "-narrow")
        self.bar.lay_out()

    def inspector_seen(self) -> bool:
        """Nothing is answered from here."""
        return False

    def settle(self) -> None:
        """Be at the time that is shown before it is drawn."""
        self._read()
        super().settle()

    def _read(self) -> None:
        for side in self.sides:
            side.settle()

    def _draw_meters(self, columns: int, rows: int) -> list[Line]:
        return self.orc.deck.shown.meters(columns, rows)

    def _draw(self, which: int, columns: int, rows: int) -> list[Line]:
        # Both panels are of one width, but for a column: the scale is that of the narrower one.
        self.sides[which].columns = columns
        return self.sides[which].draw(common(self.sides, self.orc.drawn.now), columns, rows)

    @property
    def chosen(self) -> Side:
        """The one that keys move."""
        return self.sides[1 if self.orc.selected == self.pair[1] else 0]

    def do(self, name: str) -> None:
        """One action of the table."""
        if name in ("back", "now"):
            self.orc.pop_screen()
            self.orc.call_after_refresh(self.orc.redraw)
        elif name == "open":
            self.orc.open_session()
        elif name in ("up", "down"):
            self.chosen.step(-1 if name == "up" else 1)
            self.orc.redraw()
        elif name in self.OWN:
            first, second = self.pair
            self.orc.select(second if self.orc.selected == first else first)

    # --- the mouse ----------------------------------------------------------------------------------------

    def _under(self, x: int, y: int) -> Side | None:
        for side, name in zip(self.sides, ("#first", "#second"), strict=True):
            if self.query_one(name, Panel).region.contains(x, y):
                return side
        return None

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Three rows up, of the one under the pointer."""
        self._wheel(event, -3)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Three rows down."""
        self._wheel(event, 3)

    def _wheel(self, event: MouseScrollUp | MouseScrollDown, rows: int) -> None:
        side = self._under(event.screen_x, event.screen_y)
        if side is not None and not self.bar.opened:
            side.scroll(rows)
            self.orc.redraw()

    def on_click(self, event: Click) -> None:
        """Choose one of the two."""
        side = self._under(event.screen_x, event.screen_y)
        if side is not None and not self.bar.opened:
            self.orc.select(side.name)
