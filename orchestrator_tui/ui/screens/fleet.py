"""The fleet: meters, map, queue, inspector, footer."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Container, Horizontal
from textual.events import Resize
from textual.widgets import Input

from orchestrator_tui.ui.draw.groups import Bar, draw_groups, groups_of
from orchestrator_tui.ui.draw.ink import Line, Run, framed, width
from orchestrator_tui.ui.draw.overlay import legend
from orchestrator_tui.ui.draw.queue import draw_queue, session_at
from orchestrator_tui.ui.draw.spots import neighbour
from orchestrator_tui.ui.frame import Frame
from orchestrator_tui.ui.mapview import MapView, hidden_words
from orchestrator_tui.ui.marks import NEED_ME, tags_of
from orchestrator_tui.ui.screens.pointing import Pointing
from orchestrator_tui.ui.screens.working import Working
from orchestrator_tui.ui.widgets.groupbar import GroupBar
from orchestrator_tui.ui.widgets.panel import Panel

ARRANGE = frozenset({"region-back", "region-on", "pin"})
WIDE = 140
"""From this many columns on everything is shown at once."""
LOW, FLAT = 20, 9
"""On fewer rows the queue takes more than its third, and then all of them."""


class FleetScreen(Working):
    """The screen that stays open."""

    def __init__(self) -> None:
        super().__init__()
        self.view = MapView()
        self.pointing = Pointing(self)

    @property
    def top(self) -> int:
        """First row of the map that is shown."""
        return self.view.top

    @property
    def _map(self) -> MapView:
        return self.view

    def compose(self) -> ComposeResult:
        """The panels."""
        yield Panel(self._draw_meters, id="meters")
        with Horizontal(id="middle"):
            yield Panel(self._draw_map, id="map", point=self.pointing.map_event)
            with Container(id="side"):
                yield Panel(self._draw_queue, id="queue", point=self.pointing.queue_event)
                yield Panel(self._draw_inspector, id="inspector")
        yield GroupBar(self._groups, self._recall)
        yield from self.lower()
        words = "show only what matches a name, project, model or status"
        yield Input(id="filter", placeholder=words, compact=True, disabled=True)

    def on_resize(self, event: Resize) -> None:
        """Choose the layout."""
        self.set_class(event.size.width < WIDE, "-narrow")
        self.set_class(event.size.height < LOW, "-low")
        self.set_class(event.size.height < FLAT, "-flat")
        self.bar.lay_out()
        if event.size.width >= WIDE:
            self.remove_class("-inspect")

    def settle(self) -> None:
        """The bar of groups is there while there are groups."""
        super().settle()
        self.query_one(GroupBar).settle(self.size.width)

    # --- drawing ------------------------------------------------------------------------------------------

    def _draw_meters(self, columns: int, rows: int) -> list[Line]:
        return self.orc.deck.shown.meters(columns, rows)

    def _draw_map(self, columns: int, rows: int) -> list[Line]:
        frame, keys = self.orc.drawn, self.orc.keys
        inner, height = columns - 4, rows - 2
        view = self.view
        natural = view.natural(frame, inner, height, self.size, self.crowded)
        zoom = view.zoom or natural
        acts = self.orc.commanding
        tags = tags_of(acts.marks, self.orc.live.fleet.groups)
        overlay = self.orc.overlay
        part = view.draw(frame, inner, height, zoom, self.orc.selected, overlay, tags)
        edge = view.edge(frame)
        body: list[Line] = [((" ", "text"), *line, (" ", "text")) for line in part]
        if not frame.regions:
            body = self.orc.first.lines(columns - 2, height)
        title: list[Run] = [("map", "strong")]
        if len(acts.marks):
            word = "marked" if acts.marks.number is None else f"of group {acts.marks.number}"
            word = "that need you" if acts.marks.number == NEED_ME else word
            unmark = [(f"  {keys.shown('unmark')}", "key"), (" none", "dim")]
            title += [(f"  {len(acts.marks)} {word}", "key bold"), *unmark]
        room = columns - 8 - sum(width(text) for text, _ in title)
        lines = framed(body, columns, rows, title, self._map_head(frame, room), "border", legend(overlay))
        for y, (near, far) in enumerate(edge, 1):
            lines[y] = (*lines[y][:-2], near, far)
        return lines

    def _map_head(self, frame: Frame, room: int) -> list[Run]:
        """What stands at the right of the map's head: as much as there is room for, what is not seen first."""
        keys, view = self.orc.keys, self.view
        needs = view.needs(frame)
        view_keys: list[Run] = [(self.orc.overlay.label, "text"), (f" {keys.shown('overlay')}  ", "key")]
        view_keys += [(view.shown, "text"), (f" {keys.shown('zoom-in')} {keys.shown('zoom-out')}".rstrip(), "key")]
        long, brief = hidden_words(view, needs), hidden_words(view, needs, short=True)
        gap: list[Run] = [("   ", "dim")]
        choices = [[*long, *gap, *view_keys], [*brief, *gap, *view_keys], long, brief] if long else [view_keys]
        return next((runs for runs in choices if sum(width(text) for text, _ in runs) <= room), [])

    def centre(self) -> None:
        """The selected session to the middle of the map."""
        self.view.centre(self.orc.selected)
        self.redraw_map()

    def redraw_map(self) -> None:
        """Have the map compare itself with what it shows."""
        self.query_one("#map", Panel).redraw()

    def queued_at(self, y: int) -> str | None:
        """The session in a row of the queue's panel."""
        return session_at(self.orc.drawn, self.query_one("#queue", Panel).size.height - 2, self.orc.selected, y - 1)

    def step_queue(self, by: int) -> None:
        """The next of the queue, or the one before."""
        order = [cell.id for cell in self.orc.drawn.queue]
        if order:
            place = order.index(self.orc.selected) if self.orc.selected in order else -1
            self.orc.select(order[max(0, min(place + by, len(order) - 1))])

    def _draw_queue(self, columns: int, rows: int) -> list[Line]:
        frame = self.orc.drawn
        count = len(frame.queue)
        role = "waiting" if count else "border"
        title = [("needs you ", "waiting bold" if count else "dim"), (str(count), "waiting bold" if count else "dim")]
        if frame.snoozed:
            title.append((f"  {frame.snoozed} snoozed", "dim"))
        tags = tags_of(self.orc.commanding.marks, self.orc.live.fleet.groups)
        lines = draw_queue(frame, columns - 2, rows - 2, self.orc.selected, tags, self.orc.key_of)
        right = [(self.orc.keys.shown("next-needs-you"), "key"), (" next", "dim")] if count else []
        return framed(lines, columns, rows, title, right, role)

    def _draw_inspector(self, columns: int, rows: int) -> list[Line]:
        details = self.orc.details()
        title = [(details.cell.seat or details.cell.region, "strong")] if details else [("session", "dim")]
        right = [(details.cell.model, "dim")] if details else []
        lines = self.inspected(columns - 2, rows - 2)
        return framed(lines, columns, rows, title, right, "border")

    def _groups(self, columns: int) -> Bar | None:
        fleet = self.orc.live.fleet
        groups = groups_of(fleet.groups, fleet.sessions, self.orc.framer.cell)
        return draw_groups(groups, columns, self.orc.commanding.marks.number) if groups else None

    def _recall(self, number: int) -> None:
        if not self.bar.opened:
            self.orc.choosing.choose("recall", str(number))

    # --- actions ------------------------------------------------------------------------------------------

    def do(self, name: str) -> None:
        """One action of the table."""
        if name in ("left", "right", "up", "down"):
            self.orc.select(neighbour(self.view.spots, self.orc.selected, name))
        elif name == "next-needs-you":
            self.step([cell.id for cell in self.orc.drawn.queue])
        elif name == "next-free":
            self.step(_free(self.orc.drawn))
        elif name in ("snooze", "acknowledge"):
            self.orc.choosing.judge(name)
        elif name == "latest-alert":
            latest = max(self.orc.drawn.queue, key=lambda cell: cell.status.since, default=None)
            self.orc.select(latest.id if latest else None)
        elif name == "open":
            self.orc.open_session()
        elif name == "overlay":
            self.orc.next_overlay()
            self.redraw_map()
        elif name in ("zoom-in", "zoom-out"):
            self.view.step(1 if name == "zoom-in" else -1)
            self.redraw_map()
        elif name in ARRANGE:
            self.orc.arranging.do(name)
        elif name == "pane":
            self._other_pane()
        elif name == "filter":
            self._ask_filter()
        elif name == "back":
            self._back()

    def go_on(self, session: str) -> None:
        """One was answered: the next of the queue, where it stood there."""
        self.step_in_queue(session)

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
