"""The whole map in a few rows: where the shown part of it is, and where somebody is needed.

One sign stands for the gravest of the sessions around it: trouble has its own sign, so that colour is never needed.
"""

from __future__ import annotations

from msgspec import Struct

from orchestrator_tui.ui.draw.ink import GLYPHS, ROLES, Line, Run, line_of
from orchestrator_tui.ui.draw.map.layout import Plan
from orchestrator_tui.ui.draw.map.look import QUIET, Zoom
from orchestrator_tui.ui.frame import Frame

MOST = 8
"""Rows at most."""
ROOM = 16
"""On fewer rows of the map the minimap is a column in its right edge."""
NARROW = 24
"""Below this many columns there are no words beside it."""
SPAN: dict[Zoom, int] = {"dots": 1, "tiles": 4, "cards": 6}
"""Columns that stand for one cell, at most."""
AT_WORK = "▪"
STEADY = {"working": 3, "tool_running": 3, "thinking": 2, "paused": 2, "rate_limited": 2, "finished": 1, "fog": 1}
"""Rank of what is no trouble."""


class Scale(Struct, frozen=True, eq=False):
    """Which place of the minimap stands for which session."""

    plan: Plan
    rows: int
    columns: int
    span: int
    """Columns that one cell fills."""
    places: tuple[tuple[int, ...], ...]
    """For each region, of its cells in their order."""


class Bucket(Struct, frozen=True):
    """The gravest of the sessions at one place."""

    rank: int
    status: str


NOBODY = Bucket(0, "")


def rows_for(plan: Plan, height: int) -> int:
    """How many rows a minimap of this map takes below a part of it; 0: it is all seen, or there is no room."""
    if plan.rows <= height or height < ROOM:
        return 0
    return max(2, min(MOST, height // 6, -(-plan.rows // 3)))


def scale_of(plan: Plan, columns: int, rows: int) -> Scale:
    """How a map is brought down to so many columns and rows."""
    down, across = max(1, plan.rows), max(1, plan.columns)
    spots = plan.spots
    places = []
    for shape in plan.shapes:
        part = []
        for name in shape.ids:
            spot = spots.get(name)
            # A loop's first iterations have no place of their own.
            part.append(-1 if spot is None else spot.y * rows // down * columns + spot.x * columns // across)
        places.append(tuple(part))
    span = max(1, plan.pitch * columns // across - 1) if plan.zoom != "dots" else 1
    return Scale(plan, rows, columns, span, tuple(places))


def buckets(frame: Frame, scale: Scale) -> list[Bucket]:
    """The gravest session at every place, row by row."""
    best = [NOBODY] * (scale.rows * scale.columns)
    known: dict[tuple[str, str], Bucket] = {}
    for region, places in zip(frame.regions, scale.places, strict=True):
        for cell, place in zip(region.cells, places, strict=True):
            key = (cell.status.status, cell.status.severity)
            bucket = known.get(key)
            if bucket is None:
                bucket = known[key] = Bucket(_rank(*key), key[0])
            if place >= 0 and bucket.rank > best[place].rank:
                best[place] = bucket
    return best


def _rank(status: str, severity: str) -> int:
    if severity == "red":
        return 6
    if severity == "amber" and status not in QUIET:
        return 5 if status == "waiting" else 4
    return STEADY.get(status, 2)


def _sign(bucket: Bucket) -> Run:
    if not bucket.rank:
        return " ", "text"
    role = ROLES[bucket.status]
    if bucket.rank >= 4:
        return GLYPHS[bucket.status], role
    return (AT_WORK, role) if bucket.rank >= 2 else ("·", role)


def draw_edge(scale: Scale, seen: list[Bucket], top: int, height: int) -> list[tuple[Run, Run]]:
    """The whole map in one column, for a map without rows to spare: for each row of the frame's right edge the cell
    before it, which marks the part that is shown, and the edge itself, which bears the sign of who is in trouble there.
    """
    first, last = view_of(scale, top, height)
    out: list[tuple[Run, Run]] = []
    for row, bucket in enumerate(seen):
        inside: Run = ("▐", "focus") if first <= row <= last else (" ", "text")
        out.append((inside, _sign(bucket) if bucket.rank >= 4 else ("│", "border")))
    return out


def draw_minimap(
    scale: Scale, seen: list[Bucket], top: int, height: int, columns: int, needs: tuple[int, int]
) -> list[Line]:
    """The minimap's rows; the part from `top` on that is shown is tinted and has an edge.

    `needs`: how many need somebody above the part that is shown, and below it.
    """
    total = max(1, scale.plan.rows)
    first, last = view_of(scale, top, height)
    lines: list[Line] = []
    words = _words(total, top, height, needs)
    for row in range(scale.rows):
        inside = first <= row <= last
        back = " on surface" if inside else ""
        runs: list[Run] = [("▐" if inside else " ", "focus")]
        text = role = ""
        left = 0
        for bucket in seen[row * scale.columns : (row + 1) * scale.columns]:
            sign, wanted = _sign(bucket)
            # What is wide on the map is wide here.
            if bucket.rank:
                left = scale.span - 1 if bucket.rank > 1 else 0
            elif left > 0:
                sign, wanted, left = AT_WORK, role, left - 1
            if wanted != role and sign != " ":
                if text:
                    runs.append((text, (role or "text") + back))
                text, role = "", wanted
            text += sign
        runs += [(text, (role or "text") + back), ("▌" if inside else " ", "focus"), ("  ", "text")]
        if columns - scale.columns >= NARROW and row < len(words):
            runs += words[row]
        lines.append(line_of(runs, columns))
    return lines


def columns_for(plan: Plan, columns: int) -> int:
    """How many of so many columns the minimap itself takes; words stand beside it."""
    room = max(1, columns - 2 if columns < 60 else columns - 2 - NARROW)
    return min(room, max(16, (plan.columns + plan.grid.gap) // plan.pitch * SPAN[plan.zoom]))


def view_of(scale: Scale, top: int, height: int) -> tuple[int, int]:
    """The first and the last row of the minimap that stand for what is shown."""
    total = max(1, scale.plan.rows)
    first = min(scale.rows - 1, top * scale.rows // total)
    return first, max(first, min(scale.rows - 1, (top + height - 1) * scale.rows // total))


def row_at(scale: Scale, row: int, height: int) -> int:
    """The first row of the map to show so that what a row of the minimap stands for is in the middle; the first and
    the last of several are its ends."""
    if scale.rows > 2 and row in (0, scale.rows - 1):
        return 0 if not row else max(0, scale.plan.rows - height)
    middle = (2 * row + 1) * scale.plan.rows // max(1, 2 * scale.rows)
    return max(0, min(middle - height // 2, scale.plan.rows - height))


def outside(frame: Frame, plan: Plan, top: int, height: int) -> tuple[int, int]:
    """How many of the queue stand above and below what is shown."""
    above = below = 0
    for cell in frame.queue:
        spot = plan.spots.get(cell.id)
        if spot is not None:
            above += spot.y + spot.height <= top
            below += spot.y >= top + height
    return above, below


def _words(total: int, top: int, height: int, needs: tuple[int, int]) -> list[list[Run]]:
    above, below = needs
    rows = f"{top + 1}-{min(total, top + height)}"
    out: list[list[Run]] = [[("rows ", "dim"), (rows, "text"), (f" of {total}", "dim")]]
    if above:
        out.append([("▲ ", "dim"), (f"{above} need{'s' if above == 1 else ''} you", "waiting")])
    if below:
        out.append([("▼ ", "dim"), (f"{below} need{'s' if below == 1 else ''} you", "waiting")])
    return out
