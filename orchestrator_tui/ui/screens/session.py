"""One session on the whole screen: its transcript as it happens, and the instruments beside it."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.events import Click, Key, MouseScrollDown, MouseScrollUp, Resize
from textual.widgets import Input

from orchestrator_tui.errors import StoreError
from orchestrator_tui.text import line
from orchestrator_tui.ui.draw.chrome import footer
from orchestrator_tui.ui.draw.ink import Line, Run, fitted, framed, line_of, width
from orchestrator_tui.ui.draw.instruments import stacked
from orchestrator_tui.ui.draw.transcript import ruled
from orchestrator_tui.ui.reading.layout import Laid
from orchestrator_tui.ui.reading.reading import Reading
from orchestrator_tui.ui.screens.working import Working
from orchestrator_tui.ui.session_moves import Moves
from orchestrator_tui.ui.session_parts import Parts
from orchestrator_tui.ui.widgets.panel import Panel

WIDE = 140
"""From this many columns on the instruments stand beside the transcript."""
TRANSCRIPT = "transcript"


class SessionScreen(Working):
    """The transcript at the left, the instruments at the right; where both do not fit they take turns."""

    PLACE: ClassVar[str] = "session"
    INSPECTOR: ClassVar[str] = "#instruments"
    SCOPED_CSS: ClassVar[bool] = False
    CSS = """
    #reading { height: 1fr; }
    #transcript { width: 1fr; height: 1fr; }
    #instruments { width: 42%; max-width: 110; height: 1fr; }
    .-narrow #instruments { width: 1fr; max-width: 100%; display: none; }
    .-narrow.-instruments #instruments { display: block; }
    .-narrow.-instruments #transcript { display: none; }
    #find { dock: bottom; height: 1; border: none; padding: 0 1; display: none; background: $surface; }
    #find.-open { display: block; }
    """

    def __init__(self, until: int | None = None) -> None:
        """`until`: the transcript as it stood then; None follows the tail."""
        super().__init__()
        self.until = until
        self.reading: Reading | None = None
        self.laid = Laid()
        self.parts, self.moves = Parts(self), Moves(self)
        self.height = 1
        """Rows of the transcript."""
        self._rows: list[int] = []
        """The entry of each row that is shown."""

    def compose(self) -> ComposeResult:
        """The panels."""
        yield Panel(lambda columns, rows: self.orc.deck.shown.meters(columns, rows), id="meters")
        with Horizontal(id="reading"):
            yield Panel(self._draw_transcript, id="transcript")
            yield Panel(self._draw_instruments, id="instruments")
        yield from self.lower()
        words = "find in this session; Enter searches, Esc leaves"
        yield Input(id="find", placeholder=words, compact=True, disabled=True)

    def on_mount(self) -> None:
        """Read, and where it asks something show that first."""
        self._read()
        details = self.orc.details()
        if details is not None and details.session.steering.asks:
            self.parts.front = 0
            self.add_class("-instruments")

    def on_resize(self, event: Resize) -> None:
        """Choose the layout."""
        self.set_class(event.size.width < WIDE, "-narrow")
        self.bar.lay_out()
        # The line above the footer is made for a width.
        self.settle()

    def inspector_seen(self) -> bool:
        """Whether the inspector is on the screen, whole."""
        return self.parts.inspector_whole and super().inspector_seen()

    # --- reading ------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Take up what was appended before it is drawn."""
        self._read()
        super().settle()

    def _read(self) -> None:
        """The selected session as it stands; another one is another reading."""
        app = self.orc
        name = app.selected
        reading = self.reading
        if name is not None and (reading is None or (reading.session, reading.until) != (name, self.until)):
            self.reading = Reading(app.live.reader, name, self.until)
            self.laid = Laid()
            # A coroutine that is given up before it began would complain; Textual's types know none that is made later.
            work = partial(self._read_ledger, self.reading)
            self.run_worker(work, exclusive=True, group="ledger")  # type: ignore[arg-type]
        if self.reading is not None:
            self.reading.follow(app.live.fleet, app.live.fleet.sessions.get(self.reading.session), app.drawn.now)

    async def _read_ledger(self, reading: Reading) -> None:
        while not reading.decided.done and self.reading is reading:
            try:
                found = await asyncio.to_thread(reading.decided.look, reading.path)
            except StoreError:
                return
            reading.decided.take(found)
        self.drawn_anew()

    def drawn_anew(self) -> None:
        """Something was read beside the screen."""
        if self.is_current:
            self.orc.redraw()

    # --- drawing ------------------------------------------------------------------------------------------

    def _draw_transcript(self, columns: int, rows: int) -> list[Line]:
        reading, details = self.reading, self.orc.details()
        self.height = max(1, rows - 2)
        title: list[Run] = [(TRANSCRIPT, "strong")]
        if details is not None:
            title = [
                (details.cell.seat or details.cell.region, "strong bold"),
                ("  " + line(details.session.title or details.cell.name, 200), "text"),
            ]
        if reading is None:
            return framed([], columns, rows, title, [], "border")
        inner, right = columns - 2, self._right(reading)
        # The title gives way to what stands at the right of it, as long as there is a title left.
        room = columns - 9 - sum(width(text) for text, _ in right)
        if room >= 12:
            title = fitted(title, room)
        self.laid.use(max(8, inner - 1), self.orc.drawn.now, reading.search.pattern if reading.search else None)
        shown = reading.view.rows(self.laid.lay, self.height)
        proof = frozenset(details.cell.status.lines) if details is not None else frozenset()
        chosen = reading.view.chosen
        self._rows = [one.seq for one, _ in shown]
        lines = [ruled(row, one.seq == chosen, bool(proof.intersection(one.seqs))) for one, row in shown]
        if not shown:
            lines = [line_of([(" nothing of its transcript is stored yet", "dim")], inner)]
        return framed(lines, columns, rows, title, right, "border", self._foot(reading))

    def _right(self, reading: Reading) -> list[Run]:
        search = reading.search
        if search is not None:
            entry = reading.view.current
            place = search.place(entry.seqs) if entry is not None else None
            count = f"{search.count}{'+' if search.full else ''}"
            words = f"{place} of {count}" if place else f"{count} found"
            return [(f"/{line(search.text, 30)}", "strong"), (f"  {words}{'' if search.done else ' ...'}", "dim")]
        if self.has_class("-narrow"):
            return [(f"{self.orc.keys.shown('other-part')} ", "key"), ("instruments", "dim")]
        return []

    def _foot(self, reading: Reading) -> list[Run]:
        view, key = reading.view, self.orc.keys.shown("follow")
        if view.follows:
            return [("follows the tail ", "dim")] if self.until is None else []
        unread = view.unread
        more = "newer below" if unread is None else f"{unread} new below" if unread else "stays here"
        share = f"  {self._share(reading)}" if unread is None else ""
        return [(f"{more}{share}  ", "waiting" if unread else "dim"), (key, "key"), (" follows ", "dim")]

    def _share(self, reading: Reading) -> str:
        first, last = reading.pages.first, self.orc.live.fleet.seq
        return f"at {(reading.view.chosen - first) / max(1, last - first):.0%}"

    def _draw_instruments(self, columns: int, rows: int) -> list[Line]:
        parts = self.parts.all(columns - 2, rows)
        key = self.orc.keys.shown("other-part")
        lines = stacked(parts, self.parts.front, columns, rows, "border", key)
        self.parts.drawn(parts, rows)
        return lines

    def _draw_footer(self, columns: int, rows: int) -> list[Line]:
        app, reading = self.orc, self.reading
        possible = set(app.deck.shown.applies())
        if reading is None or reading.search is None:
            possible -= {"find-next", "find-previous"}
        if reading is None or reading.view.follows:
            possible.discard("follow")
        details = app.details()
        if details is None or not details.cell.status.lines:
            possible.discard("evidence")
        return self.bar.keys(columns) or footer(self.PLACE, columns, True, frozenset(possible), app.keys)

    # --- actions ------------------------------------------------------------------------------------------

    def do(self, name: str) -> None:
        """One action of the table."""
        app = self.orc
        if name == "back":
            self._back()
        elif name == "next-needs-you":
            self._other([cell.id for cell in app.drawn.queue])
        elif name == "latest-alert":
            latest = max(app.drawn.queue, key=lambda cell: cell.status.since, default=None)
            app.select(latest.id if latest else None)
        elif name in ("snooze", "acknowledge"):
            app.choosing.judge(name)
        elif name == "other-part":
            self._other_part()
        elif self.reading is not None:
            self.moves.do(self.reading, name)
            app.redraw()

    def _other(self, order: list[str]) -> None:
        if order:
            place = order.index(self.orc.selected) if self.orc.selected in order else -1
            self.orc.select(order[(place + 1) % len(order)])

    def _other_part(self) -> None:
        """The next instrument to the front; in a narrow screen the transcript is one of them."""
        if self.has_class("-narrow") and not self.has_class("-instruments"):
            self.parts.front = 0
            self.add_class("-instruments")
        elif not self.parts.step():
            self.remove_class("-instruments")
        self.orc.redraw()
        self.call_after_refresh(self.orc.redraw)

    def _back(self) -> None:
        """Away with the search, then back to the map."""
        if self.reading is not None and self.reading.search is not None:
            self.reading.search = None
            self.orc.redraw()
            return
        self.orc.pop_screen()
        self.orc.call_after_refresh(self.orc.redraw)

    # --- the mouse ----------------------------------------------------------------------------------------

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Three rows up."""
        self._wheel(-3)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Three rows down."""
        self._wheel(3)

    def _wheel(self, rows: int) -> None:
        if self.reading is not None and not self.bar.opened:
            self.reading.view.scroll(self.laid.lay, self.height, rows)
            self.orc.redraw()

    def on_click(self, event: Click) -> None:
        """Choose an entry; the chosen one is unfolded or folded."""
        panel = self.query_one("#transcript", Panel)
        row = event.screen_y - panel.region.y - 1
        inside = panel.display and panel.region.contains(event.screen_x, event.screen_y)
        if self.reading is not None and inside and 0 <= row < len(self._rows) and not self.bar.opened:
            self.moves.choose(self.reading, self._rows[row])
            self.orc.redraw()

    # --- the search's field -------------------------------------------------------------------------------

    def ask(self) -> None:
        """Open the field."""
        field = self.query_one("#find", Input)
        field.disabled = False
        field.value = self.reading.search.text if self.reading is not None and self.reading.search is not None else ""
        field.add_class("-open")
        field.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Search; without a text there is no search any more."""
        if event.input.id != "find":
            return
        self._leave_field()
        reading, text = self.reading, event.value.strip()
        if reading is not None:
            reading.search = None
            if text:
                self.run_worker(self.moves.search(reading, reading.seek(text)), exclusive=True, group="search")
        self.orc.redraw()

    def on_key(self, event: Key) -> None:
        """Escape leaves the field, and keeps what was searched before."""
        if event.key == "escape" and self.query_one("#find", Input).has_class("-open"):
            self._leave_field()
            event.stop()

    def _leave_field(self) -> None:
        field = self.query_one("#find", Input)
        field.remove_class("-open")
        field.disabled = True
        self.set_focus(None)
