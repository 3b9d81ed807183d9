"""A row of dots: a session is its status, and what is said of it in passing stands in the gap behind it."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator_tui.ui.draw.ink import GLYPHS, Run
from orchestrator_tui.ui.draw.map.look import Look, dot_of, pings
from orchestrator_tui.ui.draw.overlay import BLOCKS, heat
from orchestrator_tui.ui.frame import Cell


def dots_row(cells: Sequence[Cell], places: Sequence[int], pitch: int, look: Look) -> list[Run]:
    """Dots at their places in the row; neighbours of one look are one run: runs are what a terminal pays for."""
    runs: list[Run] = []
    text = role = ""
    x = 0
    tags, gap = look.tags, " " * (pitch - 1)
    for cell, place in zip(cells, places, strict=True):
        sign, wanted = sign_of(cell, look)
        behind: Run | None = None
        if place > x:
            text, role = text + " " * ((place - x) * pitch), role or "text"
        x = place + 1
        tag = tags.get(cell.id) if tags else None
        if tag:
            if pitch > 1:
                behind = tag[: pitch - 1].ljust(pitch - 1), "key bold"
            elif "reverse" not in wanted:
                wanted = "key bold underline"
        elif pitch > 1 and cell.id in look.kin:
            behind = "┆".ljust(pitch - 1), "key"
        elif pitch > 1 and cell.relation:
            behind = "'".ljust(pitch - 1), "dim"
        elif pitch > 1 and cell.helpers:
            behind = ":".ljust(pitch - 1), "dim"
        # A tint and a selection are one cell wide: two signs must not grow into a bar.
        if behind is None and pitch > 1 and (" on " in wanted or "reverse" in wanted):
            behind = gap, "text"
        if behind is None and wanted == role:
            text += sign + gap
            continue
        if text:
            runs.append((text, role))
        if behind is None:
            text, role = sign + gap, wanted
        else:
            runs += [(sign, wanted), behind]
            text = role = ""
    if text:
        runs.append((text, role))
    return runs


def sign_of(cell: Cell, look: Look) -> Run:
    """A dot: its status; under an overlay the height of a block, but for those that need somebody."""
    stands_out = cell.id == look.selected or pings(cell, look.now)
    status = cell.status
    if look.overlay is None or status.severity != "ok":
        if cell.unseen and not stands_out and status.severity == "ok":
            return GLYPHS["finished"], "key bold"
        return dot_of(status.status, status.severity, stands_out)
    step, word = look.overlay.of(cell, look.now)
    sign = BLOCKS[step] if step >= 0 else word or "·"
    return sign, heat(step) + " reverse" if stands_out else heat(step)
