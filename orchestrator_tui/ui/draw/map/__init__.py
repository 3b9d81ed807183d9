"""The map: a region per project, a cell per session, at its seat; dots, tiles or cards.

Glyph = status, colour = overlay, tint of the background = trouble.
"""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator_tui.ui.draw.map.layout import GRIDS, USUAL, Plan, pitch_of, plan_of
from orchestrator_tui.ui.draw.map.look import NO_TAGS, ZOOMS, Look, Zoom
from orchestrator_tui.ui.draw.map.paint import Map, Painter
from orchestrator_tui.ui.draw.overlay import Overlay
from orchestrator_tui.ui.frame import Frame

__all__ = ["NO_TAGS", "ZOOMS", "Look", "Map", "Painter", "Plan", "Zoom", "draw_map", "natural_zoom", "plan_of"]

SCREENS: dict[Zoom, float] = {"cards": 1.0, "tiles": 2.0}
"""A zoom is the natural one while the fleet takes so many screens of it."""
SLACK = 1.25
"""So much more before a zoom that is in use is left."""


def natural_zoom(sessions: int, columns: int, rows: int, before: Zoom | None = None) -> Zoom:
    """The nearest zoom that the fleet's size allows; the one `before` holds on a little longer."""
    zoom: Zoom
    for zoom in ("cards", "tiles"):
        grid = GRIDS[zoom][USUAL]
        per = max(1, (columns + grid.gap) // pitch_of(grid, columns))
        taken = (-(-sessions // per) * grid.step) / max(1, rows)
        if taken <= SCREENS[zoom] * (SLACK if before == zoom else 1.0):
            return zoom
    return "dots"


def draw_map(
    frame: Frame,
    columns: int,
    zoom: Zoom,
    selected: str | None,
    overlay: Overlay | None = None,
    tags: Mapping[str, str] = NO_TAGS,
) -> Map:
    """The whole map at a width. Without an overlay colour is status."""
    painter = Painter()
    plan = painter.see(frame, max(1, columns), zoom, selected, overlay, tags)
    return Map(painter.lines(0, plan.rows), plan.spots)
