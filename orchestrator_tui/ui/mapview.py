"""The part of the map that is on the screen: its zoom, how far it is scrolled, the minimap below it."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator_tui.fleet import SECOND
from orchestrator_tui.ui.draw.ink import GLYPHS, Line, Run, line_of
from orchestrator_tui.ui.draw.map import ZOOMS, Painter, Plan, Zoom, natural_zoom
from orchestrator_tui.ui.draw.map import minimap as mini
from orchestrator_tui.ui.draw.overlay import Overlay
from orchestrator_tui.ui.draw.spots import Spot, at, within
from orchestrator_tui.ui.frame import Frame

EDGE = 2
"""Columns of the frame and of the air within it."""
EDGED = 3
"""From so many rows on the right edge shows where on the map this is."""


class MapView:
    """What a screen keeps of its map from frame to frame."""

    def __init__(self) -> None:
        self.zoom: Zoom | None = None
        """What the person chose; None follows the fleet's size."""
        self.shown: Zoom = "tiles"
        """What is drawn."""
        self.top = 0
        """First row of the map that is shown."""
        self.painter = Painter()
        self.rows = 1
        """Rows of the map that are shown."""
        self._natural: tuple[object, Zoom] = (None, "tiles")
        """The zoom that the fleet asks for, and for which screen that was worked out."""
        self._room = 0
        """Rows of the panel while nothing is asked below it."""
        self._kept: tuple[object, ...] = ()
        """The selected session and its place when it was brought into view."""
        self._scale: mini.Scale | None = None
        self._seen: tuple[int, list[mini.Bucket]] = (-1, [])
        """What the minimap shows, and the second in which that was looked at."""
        self._below = 0
        """Rows of the minimap below the map."""

    @property
    def plan(self) -> Plan:
        """Where everything is."""
        return self.painter.plan

    @property
    def spots(self) -> Mapping[str, Spot]:
        """Where each session is."""
        return self.painter.plan.spots

    def natural(self, frame: Frame, columns: int, rows: int, size: object, crowded: bool) -> Zoom:
        """The zoom that the fleet's size asks for."""
        # A loop is a line, however many iterations it has.
        count = sum(len(region.shape.slots) + len(region.shape.chains) // 2 for region in frame.regions)
        key = (size, count)
        # A question takes rows from the map: that is no reason to draw it otherwise.
        if not crowded:
            self._room = rows
        if self._natural[0] is None or (self._natural[0] != key and not crowded):
            before = self._natural[1] if self._natural[0] is not None else None
            self._natural = (key, natural_zoom(count, columns, rows, before))
        return self._natural[1]

    def draw(
        self, frame: Frame, columns: int, rows: int, zoom: Zoom, selected: str | None, overlay: Overlay,
        tags: Mapping[str, str],
    ) -> list[Line]:  # fmt: skip
        """So many rows: the map, and below it the minimap where it is not all seen."""
        self.shown = zoom
        plan = self.painter.see(frame, max(1, columns), zoom, selected, overlay, tags, self._room or rows)
        small = mini.rows_for(plan, rows)
        self._below = small
        self.rows = max(1, rows - small - bool(small))
        self._keep_in_view(selected)
        lines = self.painter.lines(self.top, self.rows)
        if not small:
            return lines
        lines += [line_of([], columns)] * (self.rows - len(lines))
        lines.append(line_of([("╌" * columns, "border")], columns))
        return lines + self._minimap(frame, plan, columns, small)

    def edge(self, frame: Frame) -> list[tuple[Run, Run]]:
        """What the right edge of a map shows that is not all seen and has no minimap below: (cell before it, edge)."""
        if self._below or not self.plan.rows > self.rows >= EDGED:
            return []
        scale = self._look(frame, 1, self.rows)
        return mini.draw_edge(scale, self._seen[1], self.top, self.rows)

    def needs(self, frame: Frame) -> tuple[int, int]:
        """How many need somebody above what is shown, and below it."""
        return mini.outside(frame, self.plan, self.top, self.rows)

    def _minimap(self, frame: Frame, plan: Plan, columns: int, rows: int) -> list[Line]:
        scale = self._look(frame, mini.columns_for(plan, columns), rows)
        return mini.draw_minimap(scale, self._seen[1], self.top, self.rows, columns, self.needs(frame))

    def _look(self, frame: Frame, columns: int, rows: int) -> mini.Scale:
        """How the map is brought down to so many columns and rows; who is in trouble there is looked at anew."""
        scale, second = self._scale, frame.now // SECOND
        if scale is None or scale.plan is not self.plan or (scale.rows, scale.columns) != (rows, columns):
            scale = self._scale = mini.scale_of(self.plan, columns, rows)
            self._seen = (-1, [])
        # It is looked at from afar: once a second is often enough.
        if self._seen[0] != second:
            self._seen = (second, mini.buckets(frame, scale))
        return scale

    def _keep_in_view(self, selected: str | None) -> None:
        spot = self.spots.get(selected or "")
        # What is looked at comes into view when it is chosen, and when its place changed; the person may scroll on.
        if spot is not None and self._kept != (selected, spot, self.rows):
            self._kept = (selected, spot, self.rows)
            # The region's head stays in sight of its first row.
            if spot.y - 2 < self.top:
                self.top = spot.y - 2
            elif spot.y + spot.height > self.top + self.rows:
                self.top = spot.y + spot.height - self.rows
        self.scroll(0)

    # --- moving -------------------------------------------------------------------------------------------

    def scroll(self, rows: int) -> None:
        """Down by so many rows, or up."""
        self.top = max(0, min(self.top + rows, self.plan.rows - self.rows))

    def centre(self, selected: str | None) -> None:
        """A session to the middle."""
        spot = self.spots.get(selected or "")
        if spot is not None:
            self.top = max(0, spot.y - self.rows // 2)

    def step(self, by: int) -> None:
        """A zoom nearer, or farther."""
        place = ZOOMS.index(self.shown) + by
        self.zoom = ZOOMS[max(0, min(place, len(ZOOMS) - 1))]
        self._kept = ()

    # --- pointing: places within the map's panel, its frame included ------------------------------------------

    def place(self, x: int, y: int) -> tuple[int, int]:
        """A place of the panel in the map's own coordinates."""
        return x - EDGE, y - 1 + self.top

    def at(self, x: int, y: int) -> str | None:
        """The session that is drawn there."""
        return at(self.spots, *self.place(x, y)) if 1 <= y <= self.rows else None

    def within(self, begin: tuple[int, int], x: int, y: int) -> list[str]:
        """The sessions between a place of the map and one of the panel."""
        return within(self.spots, *begin, *self.place(x, max(1, min(y, self.rows))))

    def jump(self, x: int, y: int, columns: int) -> bool:
        """To what a place of the minimap stands for, in a panel of so many columns; whether there is one."""
        scale = self._scale
        if scale is None or scale.plan is not self.plan:
            return False
        row = y - 1 - self.rows - 1 if self._below else y - 1 if x >= columns - EDGE else -1
        # At the edge there is something to jump to only while it is drawn.
        if not 0 <= row < scale.rows or scale.rows != (self._below or self.rows) or self.plan.rows <= self.rows:
            return False
        self.top = mini.row_at(scale, row, self.rows)
        return True


def hidden_words(view: MapView, needs: tuple[int, int], short: bool = False) -> list[Run]:
    """What is not seen of the map: rows, and how many need somebody there; `short` says it with signs."""
    runs: list[Run] = []
    rows = (view.top, max(0, view.plan.rows - view.top - view.rows))
    for sign, word, count, need in zip("▲▼", ("above", "below"), rows, needs, strict=True):
        if count:
            gap = ("  " if short else ", ") if runs else ""
            runs.append((gap + (f"{sign}{count}" if short else f"{count} {word}"), "dim"))
            if need:
                runs.append((f" {GLYPHS['waiting']}{need}", "waiting"))
    return runs
