"""The map: a region per project, a cell per session, at its seat; tiles or dots.

Glyph = status, brightness of the curve = burn, tint of the background = trouble. Sub-agents at work are small signs
beside their parent's.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Literal

from msgspec import Struct

from orchestrator_tui.fleet import SECOND
from orchestrator_tui.fleet.status import Severity, StatusName
from orchestrator_tui.ui.draw.ink import (
    GLYPHS,
    ROLES,
    Line,
    Run,
    amount,
    dollars,
    fit,
    line_of,
    short,
    spark,
    usd,
    width,
)
from orchestrator_tui.ui.draw.ink import tint as tint_of
from orchestrator_tui.ui.draw.overlay import BLOCKS, Overlay, heat
from orchestrator_tui.ui.draw.spots import DOT, TILE_ROWS, Spot, spots_of
from orchestrator_tui.ui.frame import Cell, Frame, Region

Zoom = Literal["dots", "tiles"]
TILE = 22
"""Columns that a tile wants, its gap included; what a row has left over is shared out."""
PING = 3 * SECOND
WIDE_REGION = 100
"""From this many columns on, two regions stand side by side."""
HEAD: dict[Zoom, int] = {"tiles": 2, "dots": 1}
"""Rows of a region above its cells."""
TALL: dict[Zoom, int] = {"tiles": 4, "dots": 12}
"""A region with more rows than this takes the whole width."""
NO_TAGS: Mapping[str, str] = MappingProxyType({})
CHILD = "└"
"""Before what came from another session: a fork, a part of a split, its escalation."""


class Look(Struct, frozen=True):
    """How cells are drawn."""

    zoom: Zoom
    pitch: int
    """Columns from one cell to the next."""
    selected: str | None
    overlay: Overlay | None
    """None: colour is status."""
    now: int
    tags: Mapping[str, str]
    """Marks and group numbers, by session."""


Block = tuple[list[Line], tuple[str, ...], Zoom]
"""A region's lines, the sessions on them, and how they are drawn."""


class Map(Struct, frozen=True):
    """A drawn map: its lines, and where each session is on them."""

    lines: list[Line]
    spots: dict[str, Spot]


def natural_zoom(sessions: int, columns: int, rows: int) -> Zoom:
    """Tiles while they fit."""
    per_row = max(1, columns // TILE)
    return "tiles" if (sessions + per_row - 1) // per_row * TILE_ROWS <= rows * 2 else "dots"


def draw_map(
    frame: Frame,
    columns: int,
    zoom: Zoom,
    selected: str | None,
    overlay: Overlay | None = None,
    tags: Mapping[str, str] = NO_TAGS,
) -> Map:
    """The whole map at a width; the widget shows a part of it. Without an overlay colour is status."""
    lines: list[Line] = []
    spots: dict[str, Spot] = {}
    pair = columns >= WIDE_REGION and len(frame.regions) > 1
    half = (columns - 2) // 2 if pair else columns
    # One pitch for the whole map: columns line up from region to region.
    meaning = overlay if overlay is not None and overlay.legend else None
    look = Look(zoom, pitch_of(zoom, half), selected, meaning, frame.now, tags)
    shelf: list[Block] = []
    for region in frame.regions:
        money = _money(frame, region)
        whole = not pair or len(region.cells) > max(1, half // look.pitch) * TALL[zoom]
        if whole and shelf:
            _put(lines, spots, shelf, half, look.pitch, columns)
            shelf = []
        if whole:
            _put(lines, spots, [_region(region, columns, look, money)], columns, look.pitch, columns)
            continue
        shelf.append(_region(region, half, look, money))
        if len(shelf) == 2:
            _put(lines, spots, shelf, half, look.pitch, columns)
            shelf = []
    if shelf:
        _put(lines, spots, shelf, half, look.pitch, columns)
    return Map(lines, spots)


def _money(frame: Frame, region: Region) -> list[Run]:
    """What a project spent today, of its budget where it has one."""
    spend, used = frame.money.projects.get(region.name), frame.projects.get(region.name)
    if spend is None or not spend.requests:
        return []
    runs: list[Run] = [("  ", "text"), *dollars(spend), (" today", "dim")]
    if used is not None:
        role = {"ok": "dim", "amber": "waiting", "red": "errored bold"}[used.severity]
        runs.append((f" of {usd(used.limit / 1e9)}, {used.share:.0%}", role))
    return runs


def pitch_of(zoom: Zoom, columns: int) -> int:
    """Columns from one cell to the next."""
    if zoom == "dots":
        return DOT
    return max(2, min(columns // max(1, columns // TILE), 2 * TILE))


def _put(lines: list[Line], spots: dict[str, Spot], blocks: list[Block], columns: int, pitch: int, whole: int) -> None:
    """Blocks of `columns` side by side, as lines of the `whole` width."""
    top = len(lines)
    if len(blocks) == 1 and columns == whole:
        lines += blocks[0][0]
    else:
        height = max(len(block) for block, *_ in blocks)
        blank: Line = ((" " * columns, "text"),)
        rest = whole - len(blocks) * columns - 2 * (len(blocks) - 1)
        pad: Line = ((" " * rest, "text"),) if rest else ()
        for row in range(height):
            parts: list[Run] = []
            for index, (block, *_) in enumerate(blocks):
                parts += [("  ", "text")] if index else []
                parts += block[row] if row < len(block) else blank
            lines.append((*parts, *pad))
    for index, (_, ids, zoom) in enumerate(blocks):
        spots.update(spots_of(ids, zoom == "tiles", columns, pitch, index * (columns + 2), top + HEAD[zoom]))


def _region(region: Region, columns: int, look: Look, money: list[Run]) -> Block:
    zoom, pitch = look.zoom, look.pitch
    spend = sum(cell.spend.tokens.total for cell in region.cells)
    trouble = sum(cell.status.needs_you for cell in region.cells)
    head: list[Run] = [
        (region.name, "strong bold"),
        (f"  {len(region.cells)}", "dim"),
        *(money or [(f"  {short(spend)} tok", "dim")]),
    ]
    if trouble:
        head += [(f"  {trouble} need{'s' if trouble == 1 else ''} you", "waiting")]
    lines = [line_of(head, columns)]
    if zoom == "tiles":
        ruled = max(1, columns // pitch) * pitch - 1
        lines.append(line_of([("─" * ruled, "border")], columns))
    lines += (_tiles if zoom == "tiles" else _dots)(region, columns, look)
    lines.append(line_of([], columns))
    return lines, tuple([cell.id for cell in region.cells]), zoom


def _tiles(region: Region, columns: int, look: Look) -> list[Line]:
    per_row = max(1, columns // look.pitch)
    size = look.pitch - 1
    lines: list[Line] = []
    for start in range(0, len(region.cells), per_row):
        upper: list[Run] = []
        lower: list[Run] = []
        for cell in region.cells[start : start + per_row]:
            above, below = _tile(cell, size, look)
            upper += [*above, (" ", "text")]
            lower += [*below, (" ", "text")]
        lines += [line_of(upper, columns), line_of(lower, columns), line_of([], columns)]
    return lines[:-1]


def _tile(cell: Cell, size: int, look: Look) -> tuple[list[Run], list[Run]]:
    selected = cell.id == look.selected
    role = ROLES[cell.status.status]
    seen = look.overlay.of(cell, look.now) if look.overlay is not None else None
    if seen is not None and (seen[0] >= 0 or cell.status.severity == "ok"):
        role = heat(seen[0])
    tint = tint_of(cell.status.status, cell.status.severity) or " on surface"
    mark = ("▌", "focus" + tint) if selected else (" ", "text" + tint)
    if _pings(cell, look.now):
        mark = ("█", role + tint)
    ends: list[Run] = [(GLYPHS[state], ROLES[state] + tint) for state in cell.helpers]
    tag = look.tags.get(cell.id, "")
    if tag:
        ends.append((" " + tag, "key bold" + tint))
    begins = CHILD if cell.relation else ""
    name = begins + fit(cell.name, size - 4 - len(begins) - sum(width(text) for text, _ in ends))
    weight = " bold" if selected or cell.status.severity != "ok" else ""
    tone = "strong" if selected or cell.unseen or cell.status.status not in ("finished", "fog") else "dim"
    # Done and not looked at yet is news.
    role = "key bold" if cell.unseen and seen is None else role
    above: list[Run] = [mark, (GLYPHS[cell.status.status] + " ", role + tint), (name, tone + weight + tint), *ends]
    above.append((" " * (size - sum(width(text) for text, _ in above)), "text" + tint))
    if seen is not None:
        pace = seen[1]
    elif cell.usd_per_minute is not None:
        pace = usd(cell.usd_per_minute) + "/m"
    elif cell.tokens_per_minute:
        pace = short(cell.tokens_per_minute) + "/m"
    elif cell.spend.requests:
        # A figure that burns is a rate, one that stands is a sum.
        pace = amount(cell.spend) if cell.spend.cost_usd is not None else short(cell.spend.tokens.total) + " tok"
    else:
        pace = ""
    room = size - 3 - len(pace) - 1
    # The curve stands while it moves; then its place says which seat this is.
    burning = bool(cell.tokens_per_minute and cell.spark)
    place = cell.seat if cell.seat != cell.name else cell.model
    curve = fit(spark(cell.spark, 8) if burning else place, room)
    below: list[Run] = [mark, ("  ", "text" + tint), (curve, (role if burning else "dim") + tint)]
    tone = heat(seen[0]) if seen is not None else "money" if cell.tokens_per_minute else "dim"
    below.append((pace + " ", tone + tint))
    return above, below


def _pings(cell: Cell, now: int) -> bool:
    """Whether it came to need somebody just now: it stands out for three seconds, then holds still."""
    return cell.alert_at is not None and 0 <= now - cell.alert_at < PING


def _dots(region: Region, columns: int, look: Look) -> list[Line]:
    per_row = max(1, columns // look.pitch)
    lines: list[Line] = []
    for start in range(0, len(region.cells), per_row):
        runs: list[Run] = []
        text = role = ""
        for cell in region.cells[start : start + per_row]:
            sign, wanted = _sign(cell, look)
            tag = look.tags.get(cell.id) if look.tags else None
            if tag or cell.relation:
                # A mark, a number, or what says that it came from another stands in the gap behind its dot.
                runs += [(text, role)] if text else []
                runs += [(sign, wanted), (tag[0], "key bold") if tag else ("'", "dim")]
                text = role = ""
                continue
            if wanted == role:
                # Neighbours of one look are one run: runs are what a terminal pays for.
                text += sign + " "
                continue
            runs += [(text, role)] if text else []
            # A tint and a selection are one cell wide: two signs must not grow into a bar.
            apart = " on " in wanted or "reverse" in wanted
            if apart:
                runs += [(sign, wanted), (" ", "text")]
            text, role = ("", "") if apart else (sign + " ", wanted)
        runs += [(text, role)] if text else []
        lines.append(line_of(runs, columns))
    return lines


def _sign(cell: Cell, look: Look) -> Run:
    """A dot: its status; under an overlay the height of a block, but for those that need somebody."""
    selected = cell.id == look.selected
    if look.overlay is None or cell.status.severity != "ok":
        if cell.unseen and not selected and cell.status.severity == "ok":
            return GLYPHS["finished"], "key bold"
        return _dot(cell.status.status, cell.status.severity, selected or _pings(cell, look.now))
    step, word = look.overlay.of(cell, look.now)
    sign = BLOCKS[step] if step >= 0 else word or "·"
    return sign, heat(step) + " reverse" if selected else heat(step)


@lru_cache(256)
def _dot(status: StatusName, severity: Severity, selected: bool) -> Run:
    role = ROLES[status]
    return GLYPHS[status], role + " reverse" if selected else role + tint_of(status, severity)
