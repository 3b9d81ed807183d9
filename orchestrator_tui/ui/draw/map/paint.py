"""Lines of the map: only those that are asked for are made, and only what changed of them is made anew."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from operator import is_

from msgspec import Struct

from orchestrator_tui.fleet import SECOND
from orchestrator_tui.ui.draw.ink import Line, Run, dollars, fit, line_of, short, usd, width
from orchestrator_tui.ui.draw.map.cards import card, doing
from orchestrator_tui.ui.draw.map.chains import chain_line
from orchestrator_tui.ui.draw.map.dots import dots_row
from orchestrator_tui.ui.draw.map.layout import Band, Block, Plan, Shelf, density_of, plan_of
from orchestrator_tui.ui.draw.map.look import PING, Look, Zoom
from orchestrator_tui.ui.draw.map.tiles import tile
from orchestrator_tui.ui.draw.overlay import Overlay
from orchestrator_tui.ui.draw.spots import Spot
from orchestrator_tui.ui.frame import Cell, Frame, Region
from orchestrator_tui.ui.lookup import Lookup

FOREVER = 1 << 62
DAY = 86_400 * SECOND
KEPT = 4096
"""Bands that are kept drawn."""


class Map(Struct, frozen=True):
    """A drawn map: its lines, and where each session is on them."""

    lines: list[Line]
    spots: dict[str, Spot]


class _Drawn(Struct):
    """A row of cells, or a loop's line, as it was drawn last."""

    cells: tuple[Cell, ...]
    about: tuple[object, ...]
    """What else it depends on: which of its sessions stand out, and why."""
    due: int
    """From when on time alone changes it."""
    lines: list[Line]


class Painter:
    """Draws one map again and again; it may be thrown away at any time."""

    def __init__(self) -> None:
        self.plan = plan_of((), 1, "dots")
        self.frame = Frame(0)
        self.made = 0
        """Rows of cells that were made, for tests that count work."""
        self._look = Look("dots", None, frozenset(), None, 0, {})
        self._lookup = Lookup()
        self._names: tuple[str, ...] = ()
        self._size: tuple[object, ...] = ()
        self._density: int | None = None
        self._bands: dict[tuple[int, int], _Drawn] = {}
        self._heads: dict[int, tuple[tuple[object, ...], list[Line]]] = {}
        self._whole: dict[int, tuple[tuple[Line, ...], Line]] = {}
        self._special: dict[int, tuple[object, ...]] = {}
        """Rows in which somebody stands out: selected, kin, or with a tag."""

    def see(
        self, frame: Frame, columns: int, zoom: Zoom, selected: str | None, overlay: Overlay | None,
        tags: Mapping[str, str], rows: int = 0,
    ) -> Plan:  # fmt: skip
        """Look at a frame; what is drawn from here on is drawn of it. `rows`: on so many all should be seen."""
        names = tuple([region.name for region in frame.regions])
        plan, shapes = self.plan, [region.shape for region in frame.regions]
        size = (zoom, max(1, columns), rows)
        if not (
            size == self._size
            and names == self._names
            and len(shapes) == len(plan.shapes)
            and all(map(is_, shapes, plan.shapes))
        ):
            before = self._density if size == self._size else None
            self._density, self._size = density_of(frame.regions, columns, rows, zoom, before), size
            self.plan = plan_of(frame.regions, columns, zoom, self._density)
            self._names = names
            self._forget()
        meaning = overlay if overlay is not None and overlay.legend else None
        look = self._look
        if meaning is not look.overlay:
            self._forget()
        same = frame is self.frame and selected == look.selected
        kin = look.kin if same else _kin(self._lookup.cell(frame, selected))
        self.frame = frame
        moved = look.selected != selected or look.kin != kin or look.tags != tags or not self._bands
        self._look = Look(zoom, selected, kin, meaning, frame.now, tags)
        if moved:
            self._special = self._standing_out()
        return self.plan

    def lines(self, top: int, count: int) -> list[Line]:
        """So many lines from a row on."""
        plan = self.plan
        if len(self._bands) > KEPT:
            self._forget()
        out: list[Line] = []
        place = max(0, bisect_right(plan.tops, top) - 1)
        for shelf in plan.shelves[place:]:
            if shelf.top >= top + count:
                break
            rows = range(max(top, shelf.top), min(top + count, shelf.top + shelf.rows))
            out += [self._line(shelf, y) for y in rows]
        return out

    def _forget(self) -> None:
        self._bands, self._heads, self._whole = {}, {}, {}

    def _standing_out(self) -> dict[int, tuple[object, ...]]:
        look = self._look
        found: dict[int, list[tuple[str, bool, bool, str]]] = {}
        for name in {*look.kin, *look.tags, look.selected or ""}:
            spot = self.plan.spots.get(name)
            if spot is not None:
                part = (name, name == look.selected, name in look.kin, look.tags.get(name, ""))
                found.setdefault(spot.y, []).append(part)
        return {y: tuple(sorted(parts)) for y, parts in found.items()}

    def _line(self, shelf: Shelf, y: int) -> Line:
        parts = [self._part(block, shelf, y - shelf.top) for block in shelf.blocks]
        if len(parts) == 1 and not shelf.blocks[0].x:
            return parts[0]
        kept = self._whole.get(y)
        if kept is not None and len(kept[0]) == len(parts) and all(map(is_, kept[0], parts)):
            return kept[1]
        runs: list[Run] = []
        x = 0
        for block, part in zip(shelf.blocks, parts, strict=True):
            if block.x > x:
                runs.append((" " * (block.x - x), "text"))
            runs += part
            x = block.x + block.head
        line = line_of(runs, self.plan.columns)
        self._whole[y] = (tuple(parts), line)
        return line

    def _part(self, block: Block, shelf: Shelf, row: int) -> Line:
        if row < self.plan.grid.head:
            return self._head(block)[row]
        row -= self.plan.grid.head
        number, step = divmod(row, self.plan.grid.step)
        if number < len(block.bands):
            return self._band(block, number, shelf.top + self.plan.grid.head + number * self.plan.grid.step)[step]
        row -= len(block.bands) * self.plan.grid.step
        if row < len(block.chains):
            y = shelf.top + self.plan.grid.head + len(block.bands) * self.plan.grid.step + row
            return self._chain(block, row, y)[0]
        return _blank(block.head)

    def _band(self, block: Block, number: int, y: int) -> list[Line]:
        band = block.bands[number]
        region = self.frame.regions[block.region]
        return self._drawn((block.region, number), region.cells[band.begin : band.end], y, block, band)

    def _chain(self, block: Block, number: int, y: int) -> list[Line]:
        begin, end = block.chains[number]
        region = self.frame.regions[block.region]
        return self._drawn((block.region, -1 - number), region.cells[begin:end], y, block, None)

    def _drawn(
        self, key: tuple[int, int], cells: tuple[Cell, ...], y: int, block: Block, band: Band | None
    ) -> list[Line]:
        about = self._special.get(y, ())
        now = self._look.now
        kept = self._bands.get(key)
        if (
            kept is not None and now < kept.due and len(kept.cells) == len(cells)
            and all(map(is_, kept.cells, cells)) and kept.about == about
        ):  # fmt: skip
            return kept.lines
        if band is None:
            lines = [chain_line(cells, block.head, self._look)]
        else:
            lines = self._cells(cells, self.frame.regions[block.region].shape.slots[band.begin : band.end], block)
        self._bands[key] = _Drawn(cells, about, self._due(cells), lines)
        self.made += 1
        return lines

    def _due(self, cells: Sequence[Cell]) -> int:
        now = self._look.now
        if self._look.overlay is not None and self._look.overlay.id == "age":
            return (now // SECOND + 1) * SECOND
        if self._look.zoom == "cards" and any(doing(cell, now) != doing(cell, now + DAY) for cell in cells):
            # Where an age is a part of the sentence it is said as it is now.
            return (now // SECOND + 1) * SECOND
        ends = [cell.alert_at + PING for cell in cells if cell.alert_at is not None and now < cell.alert_at + PING]
        return min(ends, default=FOREVER)

    def _cells(self, cells: Sequence[Cell], slots: Sequence[int], block: Block) -> list[Line]:
        plan, look, per = self.plan, self._look, block.per
        places = [slot % per for slot in slots]
        if plan.zoom == "dots":
            dots = line_of(dots_row(cells, places, plan.pitch, look), block.head)
            return [dots, _blank(block.head)][: plan.grid.step]
        size = max(1, min(plan.pitch - plan.grid.gap, block.columns))
        draw = tile if plan.zoom == "tiles" else card
        rows: list[list[Run]] = [[] for _ in range(plan.grid.high)]
        x = 0
        for cell, place in zip(cells, places, strict=True):
            gap = " " * (place * plan.pitch - x)
            for row, runs in zip(rows, draw(cell, size, look), strict=True):
                row += [(gap, "text"), *runs] if gap else runs
            x = place * plan.pitch + size
        return [*(line_of(row, block.head) for row in rows), _blank(block.head)]

    def _head(self, block: Block) -> list[Line]:
        region = self.frame.regions[block.region]
        money = _money(self.frame, region)
        tokens = "" if money else short(region.tokens)
        key = (region.name, len(region.cells), region.needs, region.pinned, tuple(money), block.head, tokens)
        kept = self._heads.get(block.region)
        if kept is None or kept[0] != key:
            kept = self._heads[block.region] = (key, head_of(region, block, money)[: self.plan.grid.head])
        return kept[1]


def head_of(region: Region, block: Block, money: list[Run]) -> list[Line]:
    """The head of a region: name, how many, money, trouble, and a rule where there is room."""
    columns = block.columns
    ends: list[Run] = [(" pinned", "dim")] if region.pinned else []
    if region.needs:
        words = f" {region.needs} need{'s' if region.needs == 1 else ''} you"
        ends.append((words if columns >= 40 else f" ◆{region.needs}", "waiting"))
    room = columns - sum(width(text) for text, _ in ends)
    runs: list[Run] = [(region.name, "strong bold")]
    if width(region.name) > room - 4:
        runs = [(fit(region.name, max(1, room - 4)), "strong bold")]
    runs.append((f"  {len(region.shape.slots) + len(region.shape.chains)}", "dim"))
    spent = money or ([(f"  {short(region.tokens)} tok", "dim")] if region.tokens else [])
    for part in (spent, spent[:2]):
        if part and sum(width(text) for text, _ in (*runs, *part)) < room:
            runs += part
            break
    name = line_of([*runs, *([(" ", "text"), *ends] if ends else [])], block.head)
    return [name, line_of([("─" * columns, "border")], block.head)]


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


def _kin(cell: Cell | None) -> frozenset[str]:
    """What the selected session came from, and what came from it."""
    if cell is None:
        return frozenset()
    names = {name for name, _ in cell.heirs} | ({cell.parent} if cell.parent else set())
    return frozenset(names)


_BLANKS: dict[int, Line] = {}


def _blank(columns: int) -> Line:
    line = _BLANKS.get(columns)
    if line is None:
        line = _BLANKS[columns] = line_of([], columns)
    return line
