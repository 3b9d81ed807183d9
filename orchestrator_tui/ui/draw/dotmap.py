"""All sessions as blocks, as large as they fit: the map that is read from afar. Who needs somebody is solid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from orchestrator_tui.ui.draw.ink import GLYPHS, ROLES, Line, Run, fit, fit_seat, line_of, tint, width
from orchestrator_tui.ui.draw.meters import ORDER
from orchestrator_tui.ui.frame import Cell, Frame, Region

PITCHES = ((16, 4), (16, 3), (10, 3), (10, 2), (6, 2), (4, 1), (2, 1))
"""(columns, rows) from one block to the next, the largest first."""
NAMED, WHOLE = 10, 16
"""From so many columns on a block says its number, its whole seat."""
GUTTER = 16
"""Columns at most for a region's name."""
NARROW = 60
"""Below this many columns regions have no name beside them."""


def dot_map(frame: Frame, columns: int, rows: int, selected: str | None) -> list[Line]:
    """Exactly so many rows: blocks where all fit, else per region how many are in which state."""
    if rows < 1 or columns < 2:
        return [line_of([], max(0, columns)) for _ in range(max(0, rows))]
    names = [width(region.name) for region in frame.regions]
    gutter = min(GUTTER, max(names, default=0) + 2) if columns >= NARROW else 0
    lines: list[Line] | None = None
    for pitch, high in PITCHES:
        per = (columns - gutter) // pitch
        if per and sum(-(-len(region.cells) // per) for region in frame.regions) * high - (high > 1) <= rows:
            lines = [
                line for region in frame.regions for line in _blocks(region, columns, gutter, pitch, high, selected)
            ]
            break
    if lines is None:
        lines = _stream(frame.regions, columns, rows, selected)
    if lines is None:
        lines = _counted(frame.regions, columns, rows, gutter)
    return [*lines, *(line_of([], columns) for _ in range(rows - len(lines)))][:rows]


def _blocks(region: Region, columns: int, gutter: int, pitch: int, high: int, selected: str | None) -> list[Line]:
    per = (columns - gutter) // pitch
    body = max(1, high - 1)
    lines: list[Line] = []
    for start in range(0, len(region.cells), per):
        part = region.cells[start : start + per]
        for row in range(body):
            name = region.name if not start and not row else ""
            runs: list[Run] = [(fit(name, gutter - 1) + " ", "strong bold")] if gutter else []
            for cell in part:
                runs += _block(cell, pitch, row == (body - 1) // 2, cell.id == selected)
            lines.append(line_of(runs, columns))
        lines += [line_of([], columns)] * (high - body)
    return lines


def _block(cell: Cell, pitch: int, signed: bool, selected: bool) -> list[Run]:
    """One row of a block; its sign stands in the middle one."""
    status = cell.status.status
    role, sign = ROLES[status], GLYPHS[status]
    if cell.status.needs_you:
        look = f"{role} bold reverse"
    elif status == "fog":
        look = role
    else:
        # Only what is red is tinted: from afar a region with a budget nearly used is no trouble.
        red = cell.status.severity == "red"
        look = role + (tint(status, "red") if red else " on surface" if pitch > 2 else "")
    if pitch == 2:
        return [(sign, f"{role} reverse" if selected else look), (" ", "text")]
    mark: Run = ("▌" if selected else " ", look if not selected or "reverse" in look else f"focus{look[len(role) :]}")
    if not signed:
        return [mark, (" " * (pitch - 2), look), (" ", "text")]
    if pitch < NAMED:
        return [mark, (fit(f"{sign}", pitch - 2), look), (" ", "text")]
    seat = cell.seat or cell.name
    name = seat if pitch >= WHOLE else seat.rpartition("/")[2] if "/" in seat else ""
    return [mark, (sign + " " + fit_seat(name, pitch - 4), look), (" ", "text")]


def _stream(regions: Iterable[Region], columns: int, rows: int, selected: str | None) -> list[Line] | None:
    """Regions one after the other, each sign two columns, each name before its signs; None where they do not fit."""
    lines: list[list[Run]] = [[]]
    left = columns
    for region in regions:
        name = fit(region.name, min(width(region.name), GUTTER - 2)) + "  "
        if width(name) + 4 > left and left < columns:
            lines.append([])
            left = columns
        lines[-1].append((name, "strong bold"))
        left -= width(name)
        for cell in region.cells:
            if left < 2:
                lines.append([])
                left = columns
            lines[-1] += _block(cell, 2, True, cell.id == selected)
            left -= 2
        lines[-1].append(("  ", "text"))
        left -= 2
        if len(lines) > rows:
            return None
    return [line_of(runs if sum(width(text) for text, _ in runs) <= columns else runs[:-1], columns) for runs in lines]


def _counted(regions: Iterable[Region], columns: int, rows: int, gutter: int) -> list[Line]:
    """A row for each region: how many are in which state; a last one for what has no row."""
    parts: list[tuple[str, Counter[str]]] = [
        (region.name, Counter(str(cell.status.status) for cell in region.cells)) for region in regions
    ]
    shown = parts if len(parts) <= rows else parts[: rows - 1]
    lines = [line_of(_states(name, counts, gutter), columns) for name, counts in shown]
    if len(shown) < len(parts):
        rest: Counter[str] = Counter()
        for _, counts in parts[len(shown) :]:
            rest += counts
        lines.append(line_of(_states(f"{len(parts) - len(shown)} more", rest, gutter), columns))
    return lines


def _states(name: str, counts: Counter[str], gutter: int) -> list[Run]:
    runs: list[Run] = [(fit(name, gutter - 1) + " ", "strong bold")] if gutter else [(name + "  ", "strong bold")]
    for status in ORDER:
        if counts[status]:
            runs += [(GLYPHS[status], ROLES[status]), (f" {counts[status]}  ", "text")]
    return runs
