"""The fleet: meters, map, queue, inspector, footer."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Container, Horizontal
from textual.events import Resize
from textual.widgets import Input

from orchestrator_tui.ui.draw.ink import Line, Run, framed
from orchestrator_tui.ui.draw.map import Map, Zoom, draw_map, natural_zoom
from orchestrator_tui.ui.draw.meters import meters
from orchestrator_tui.ui.draw.overlay import legend
from orchestrator_tui.ui.draw.queue import draw_queue
from orchestrator_tui.ui.draw.spots import neighbour
from orchestrator_tui.ui.frame import Frame
from orchestrator_tui.ui.marks import NEED_ME, tags_of
from orchestrator_tui.ui.screens.working import Working
from orchestrator_tui.ui.widgets.panel import Panel

WIDE = 140
"""From this many columns on everything is shown at once."""


class FleetScreen(Working):
    """The screen that stays open."""

    def __init__(self) -> None:
        super().__init__()
        self.zoom: Zoom | None = None
        """What the person chose; None follows the fleet's size."""
        self.top = 0
        """First row of the map that is shown."""
        self._map = Map([], {})
        self._natural: tuple[object, Zoom] = (None, "tiles")
        """The zoom that the fleet asks for, and for which screen that was worked out."""

    def compose(self) -> ComposeResult:
        """The panels."""
        yield Panel(self._draw_meters, id="meters")
        with Horizontal(id="middle"):
            yield Panel(self._draw_map, id="map")
            with Container(id="side"):
                yield Panel(self._draw_queue, id="queue")
                yield Panel(self._draw_inspector, id="inspector")
        yield from self.lower()
        words = "show only what matches a name, project, model or status"
        yield Input(id="filter", placeholder=words, compact=True, disabled=True)

    def on_resize(self, event: Resize) -> None:
        """Choose the layout."""
        self.set_class(event.size.width < WIDE, "-narrow")
        self.bar.lay_out()
        if event.size.width >= WIDE:
            self.remove_class("-inspect")

    # --- drawing ------------------------------------------------------------------------------------------

    def _draw_meters(self, columns: int, rows: int) -> list[Line]:
        return meters(self.orc.drawn, columns, rows)

    def _draw_map(self, columns: int, rows: int) -> list[Line]:
        frame = self.orc.drawn
        inner, height = columns - 4, rows - 2
        zoom = self.zoom or self._natural_zoom(frame, inner, height)
        acts = self.orc.commanding
        tags = tags_of(acts.marks, self.orc.live.fleet.groups)
        overlay = self.orc.overlay
        self._map = draw_map(frame, max(1, inner), zoom, self.orc.selected, overlay, tags)
        self._keep_in_view(height)
        part = self._map.lines[self.top : self.top + height]
        body: list[Line] = [((" ", "text"), *line, (" ", "text")) for line in part]
        if not frame.regions:
            body = _nothing(frame.filter, inner)
        below = max(0, len(self._map.lines) - self.top - height)
        hidden = [f"{self.top} above"] * bool(self.top) + [f"{below} below"] * bool(below)
        more = [(", ".join(hidden) + "   ", "dim")] if hidden else []
        right = [*more, (overlay.label, "text"), (" o  ", "key"), (zoom, "text"), (" + -", "key")]
        title: list[Run] = [("map", "strong")]
        if len(acts.marks):
            word = "marked" if acts.marks.number is None else f"of group {acts.marks.number}"
            word = "that need you" if acts.marks.number == NEED_ME else word
            title += [(f"  {len(acts.marks)} {word}", "key bold"), ("  V", "key"), (" none", "dim")]
        return framed(body, columns, rows, title, right, "border", legend(overlay))

    def _natural_zoom(self, frame: Frame, columns: int, rows: int) -> Zoom:
        key = (self.size, len(frame.order))
        # A question takes rows from the map: that is no reason to draw it otherwise.
        if not self.crowded or self._natural[0] != key:
            self._natural = (key, natural_zoom(len(frame.order), columns, rows))
        return self._natural[1]

    def centre(self) -> None:
        """The selected session to the middle of the map."""
        spot = self._map.spots.get(self.orc.selected or "")
        panel = self.query_one("#map", Panel)
        if spot is not None:
            self.top = max(0, spot.y - (panel.size.height - 2) // 2)
            panel.redraw()

    def _keep_in_view(self, height: int) -> None:
        spot = self._map.spots.get(self.orc.selected or "")
        if spot is not None:
            # The region's head stays in sight of its first row.
            if spot.y - 2 < self.top:
                self.top = max(0, spot.y - 2)
            elif spot.y + spot.height > self.top + height:
                self.top = spot.y + spot.height - height
        self.top = max(0, min(self.top, len(self._map.lines) - height))

    def _draw_queue(self, columns: int, rows: int) -> list[Line]:
        frame = self.orc.drawn
        count = len(frame.queue)
        role = "waiting" if count else "border"
        title = [("needs you ", "waiting bold" if count else "dim"), (str(count), "waiting bold" if count else "dim")]
        if frame.snoozed:
            title.append((f"  {frame.snoozed} snoozed", "dim"))
        tags = tags_of(self.orc.commanding.marks, self.orc.live.fleet.groups)
        lines = draw_queue(frame, columns - 2, rows - 2, self.orc.selected, tags, self.orc.key_of)
        return framed(lines, columns, rows, title, [(".", "key"), (" next", "dim")], role)

    def _draw_inspector(self, columns: int, rows: int) -> list[Line]:
        details = self.orc.details()
        title = [(details.cell.seat or details.cell.region, "strong")] if details else [("session", "dim")]
        right = [(details.cell.model, "dim")] if details else []
        lines = self.inspected(columns - 2, rows - 2)
        return framed(lines, columns, rows, title, right, "border")

    # --- actions ------------------------------------------------------------------------------------------

    def do(self, name: str) -> None:
        """One action of the table."""
        if name in ("left", "right", "up", "down"):
            self.orc.select(neighbour(self._map.spots, self.orc.selected, name))
        elif name == "next-needs-you":
            self._step([cell.id for cell in self.orc.drawn.queue])
        elif name == "next-free":
            self._step(_free(self.orc.drawn))
        elif name in ("snooze", "acknowledge"):
            self.orc.choosing.judge(name)
        elif name == "latest-alert":
            latest = max(self.orc.drawn.queue, key=lambda cell: cell.status.since, default=None)
            self.orc.select(latest.id if latest else None)
        elif name == "open":
            self.orc.open_session()
        elif name == "overlay":
            self.orc.next_overlay()
            self.query_one("#map", Panel).redraw()
        elif name == "zoom-in":
            self._zoom("tiles")
        elif name == "zoom-out":
            self._zoom("dots")
        elif name == "pane":
            self._other_pane()
        elif name == "filter":
            self._ask_filter()
        elif name == "back":
            self._back()

    def _step(self, order: list[str]) -> None:
        """The next in a round, after the one that is selected."""
        if order:
            place = order.index(self.orc.selected) if self.orc.selected in order else -1
            self.orc.select(order[(place + 1) % len(order)])

    def go_on(self, session: str) -> None:
        """One was answered: the next of the queue, where it stood there."""
        order = [cell.id for cell in self.orc.drawn.queue]
        if session == self.orc.selected and session in order and len(order) > 1:
            self._step(order)

    def _zoom(self, zoom: Zoom) -> None:
        self.zoom = zoom
        self.query_one("#map", Panel).redraw()

    def _other_pane(self) -> None:
        if self.has_class("-narrow"):
            self.toggle_class("-inspect")
            self.call_after_refresh(self.orc.redraw)

    def _back(self) -> None:
        if self.has_class("-inspect"):
            self._other_pane()
        elif self.orc.filter:
            self._set_filter("")

    # --- the filter ---------------------------------------------------------------------------------------

    def _ask_filter(self) -> None:
        field = self.query_one("#filter", Input)
        field.disabled = False
        field.value = self.orc.filter
        field.add_class("-open")
        field.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter as it is typed."""
        if event.input.has_class("-open"):
            self._set_filter(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter."""
        self._close_filter()

    def on_key(self, event: object) -> None:
        """Escape takes the filter away while it is being typed."""
        field = self.query_one("#filter", Input)
        if getattr(event, "key", "") == "escape" and field.has_class("-open"):
            self._set_filter("")
            self._close_filter()
            event.stop()  # type: ignore[attr-defined]

    def _close_filter(self) -> None:
        field = self.query_one("#filter", Input)
        field.remove_class("-open")
        field.disabled = True
        self.set_focus(None)

    def _set_filter(self, text: str) -> None:
        self.orc.filter = text.strip()
        self.orc.make_frame()
        self.orc.redraw()


def _free(frame: Frame) -> list[str]:
    """Those that are done: first what nobody has looked at since, then the others."""
    cells = [cell for region in frame.regions for cell in region.cells if cell.status.status == "finished"]
    return [cell.id for cell in sorted(cells, key=lambda cell: not cell.unseen)]


def _nothing(wanted: str, columns: int) -> list[Line]:
    """An empty map says what to do next."""
    from orchestrator_tui.ui.draw.ink import line_of

    if wanted:
        words = ["", f"   nothing matches {wanted}", "", "   Esc takes the filter away"]
    else:
        words = [
            "",
            "   no session yet",
            "",
            "   orc watches Claude Code and any agent that writes an open log into its inbox:",
            "   start one in another terminal, and it is here within a second.",
            "",
            "   orc ingest --all   reads everything that is on this disk",
            "   orc demo           shows a small fleet at work",
            "   orc doctor         says what was found, and what is off",
        ]
    return [line_of([(text, "dim")], columns + 2) for text in words]
