"""Where everything stands on the map: a function of the regions' order and of their sizes in coarse steps.

Regions stand on shelves from left to right. One joins a shelf where that saves rows; none is ever moved up, so that an
arrival changes nothing above its own shelf. Within a region each session stands at its seat; rows in which nobody is
are left out.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, field

from orchestrator_tui.ui.draw.map.chains import iterations_at
from orchestrator_tui.ui.draw.map.look import Zoom
from orchestrator_tui.ui.draw.spots import Spot
from orchestrator_tui.ui.frame import Region, Shape


class Grid(Struct, frozen=True):
    """How cells of a zoom stand."""

    wish: int
    """Columns that a cell wants, its gap included; what a row has left over is shared out."""
    most: int
    gap: int
    """Columns between two cells."""
    step: int
    """Rows of a cell, the gap below it included."""
    high: int
    """Rows of a cell."""
    head: int = 2
    """Rows of a region above its cells: its name, and a rule where there is room."""


GRIDS: dict[Zoom, tuple[Grid, ...]] = {
    "dots": (Grid(4, 4, 3, 2, 1), Grid(2, 2, 1, 1, 1, 1), Grid(1, 1, 0, 1, 1, 1)),
    "tiles": (Grid(28, 36, 2, 3, 2), Grid(23, 29, 2, 3, 2)),
    "cards": (Grid(54, 60, 2, 6, 5), Grid(38, 53, 2, 6, 5)),
}
"""From roomy to dense."""
USUAL = 1
TALL: dict[Zoom, int] = {"dots": 12, "tiles": 4, "cards": 3}
"""Regions stand side by side only up to so many rows of cells."""
ROOMIER = 0.85
"""Cells take more room only when they then fill no more of the screen than this."""
NAME = 26
"""Columns of the narrowest region that stands beside another in dots."""
GUTTER = 4
"""Columns between two regions in dots."""
CHAIN = 44
"""Columns of the narrowest region with a loop."""
DENSE = 64
"""From so many full rows of dots on they stand without gaps."""


class Band(Struct, frozen=True):
    """One row of cells of a region: [begin, end) of its cells."""

    begin: int
    end: int


class Block(Struct, frozen=True):
    """One region on the map."""

    region: int
    """Its place among the regions."""
    x: int
    columns: int
    head: int
    """Columns of its head: to the map's edge where it is the last of its shelf."""
    per: int
    """Cells in a row."""
    bands: tuple[Band, ...]
    chains: tuple[tuple[int, int], ...]
    """Loops, as in the region's shape."""


class Shelf(Struct, frozen=True):
    """Regions side by side."""

    top: int
    rows: int
    blocks: tuple[Block, ...]


class Plan(Struct, frozen=True, eq=False):
    """The whole map at one width."""

    zoom: Zoom
    columns: int
    rows: int
    grid: Grid
    pitch: int
    """Columns from one cell to the next."""
    shelves: tuple[Shelf, ...]
    shapes: tuple[Shape, ...]
    spots: dict[str, Spot]
    tops: list[int] = field(default_factory=list)
    """First row of each shelf."""


def coarse(count: int) -> int:
    """A size as the layout sees it: exact up to 8, then in steps of about a seventh."""
    if count <= 8:
        return max(1, count)
    step = 1 << (count.bit_length() - 3)
    return -(-count // step) * step


def pitch_of(grid: Grid, columns: int) -> int:
    """Columns from one cell to the next; one pitch for the whole map, so that columns line up."""
    wide = columns + grid.gap
    return max(1, grid.wish, min(wide // max(1, wide // grid.wish), grid.most)) if wide >= grid.wish else max(1, wide)


def density_of(regions: Sequence[Region], columns: int, rows: int, zoom: Zoom, before: int | None = None) -> int:
    """Which of a zoom's grids suits so many rows: the roomiest of which all is seen; `before` is left late."""
    sizes = _sizes(regions)
    last = len(GRIDS[zoom]) - 1
    for number in range(last if zoom != "dots" else USUAL):
        room = _Room(zoom, GRIDS[zoom][number], max(1, columns))
        taken = sum(_cost_of(regions, sizes, room, part) for part in _shelves(regions, sizes, room))
        if taken <= rows * (1.0 if before is not None and before <= number else ROOMIER):
            return number
    if zoom == "dots":
        return last if sum(sizes) > max(1, columns // GRIDS[zoom][USUAL].wish) * DENSE else USUAL
    return last


def plan_of(regions: Sequence[Region], columns: int, zoom: Zoom, density: int | None = None) -> Plan:
    """Where everything stands on a map of so many columns."""
    if density is None:
        density = density_of(regions, columns, 0, zoom)
    columns = max(1, columns)
    sizes = _sizes(regions)
    grid = GRIDS[zoom][density]
    room = _Room(zoom, grid, columns)
    shelves: list[Shelf] = []
    spots: dict[str, Spot] = {}
    top = 0
    for begin, end in _shelves(regions, sizes, room):
        shelf = _shelf(regions, sizes, range(begin, end), room, top)
        shelves.append(shelf)
        for block in shelf.blocks:
            _spots(spots, regions[block.region].shape, block, room, top)
        top += shelf.rows
    shapes = tuple([region.shape for region in regions])
    tops = [shelf.top for shelf in shelves]
    return Plan(zoom, columns, top, grid, room.pitch, tuple(shelves), shapes, spots, tops)


def _sizes(regions: Sequence[Region]) -> list[int]:
    return [coarse(len(region.shape.slots)) if region.shape.slots else 0 for region in regions]


class _Room(Struct, frozen=True):
    zoom: Zoom
    grid: Grid
    columns: int

    @property
    def pitch(self) -> int:
        return pitch_of(self.grid, self.columns)

    @property
    def gap(self) -> int:
        """Columns that the last cell of a row does not need."""
        return 0 if self.zoom == "dots" else self.grid.gap

    @property
    def gutter(self) -> int:
        return GUTTER if self.zoom == "dots" else 0

    @property
    def per(self) -> int:
        """Cells in a row of the whole width."""
        return max(1, (self.columns + self.gap) // self.pitch)

    def narrowest(self, region: Region) -> int:
        """The fewest cells in a row that a region has."""
        least = CHAIN if region.shape.chains else NAME if self.zoom == "dots" else 1
        return min(self.per, -(-least // self.pitch))

    def widths(self, regions: Sequence[Region], sizes: Sequence[int], which: range, high: int) -> list[int]:
        """Cells in a row of each region, for so many rows of cells."""
        return [max(self.narrowest(regions[n]), -(-sizes[n] // high)) for n in which]

    def fits(self, widths: list[int]) -> bool:
        if len(widths) == 1:
            return widths[0] <= self.per
        return sum(widths) * self.pitch + self.gutter * (len(widths) - 1) <= self.columns + self.gap

    def high(self, regions: Sequence[Region], sizes: Sequence[int], which: range) -> int | None:
        """The fewest rows of cells with which these regions stand side by side."""
        most = max(sizes[n] for n in which)
        if len(which) == 1:
            return max(1, -(-most // self.per))
        high = max(1, -(-sum(sizes[n] for n in which) // self.per))
        while high <= TALL[self.zoom]:
            if self.fits(self.widths(regions, sizes, which, high)):
                return high
            high += 1
        return None

    def cost(self, regions: Sequence[Region], which: range, high: int) -> int:
        """Rows of the screen."""
        chains = max(len(regions[n].shape.chains) for n in which)
        return self.grid.head + high * self.grid.step + chains + 1


def _shelves(regions: Sequence[Region], sizes: Sequence[int], room: _Room) -> list[tuple[int, int]]:
    out: list[tuple[int, int]] = []
    begin = 0
    while begin < len(regions):
        end = begin + 1
        high = room.high(regions, sizes, range(begin, end)) or 1
        while end < len(regions):
            joint = room.high(regions, sizes, range(begin, end + 1))
            alone = room.high(regions, sizes, range(end, end + 1)) or 1
            apart = room.cost(regions, range(begin, end), high) + room.cost(regions, range(end, end + 1), alone)
            if joint is None or room.cost(regions, range(begin, end + 1), joint) >= apart:
                break
            end, high = end + 1, joint
        out.append((begin, end))
        begin = end
    return out


def _cost_of(regions: Sequence[Region], sizes: Sequence[int], room: _Room, part: tuple[int, int]) -> int:
    which = range(*part)
    return room.cost(regions, which, room.high(regions, sizes, which) or 1)


def _shelf(regions: Sequence[Region], sizes: Sequence[int], which: range, room: _Room, top: int) -> Shelf:
    high = room.high(regions, sizes, which) or 1
    widths = room.widths(regions, sizes, which, high)
    if len(which) == 1:
        widths = [min(room.per, max(widths[0], room.narrowest(regions[which[0]])))]
    gap = room.gap
    blocks: list[Block] = []
    x = 0
    for place, (n, per) in enumerate(zip(which, widths, strict=True)):
        last = place == len(which) - 1
        columns = per * room.pitch - gap
        head = room.columns - x if last else columns
        bands = _bands(regions[n].shape.slots, per)
        # A loop's row may use what its region has left over.
        blocks.append(Block(n, x, head if last else columns, head, per, bands, regions[n].shape.chains))
        x += columns + gap + room.gutter
    return Shelf(top, max(_rows(block, room) for block in blocks), tuple(blocks))


def _rows(block: Block, room: _Room) -> int:
    cells = len(block.bands) * room.grid.step
    blank = 1 if room.grid.step == 1 or block.chains or not cells else 0
    return room.grid.head + cells + len(block.chains) + blank


def _bands(slots: Sequence[int], per: int) -> tuple[Band, ...]:
    bands: list[Band] = []
    begin = 0
    for place in range(1, len(slots) + 1):
        if place == len(slots) or slots[place] // per != slots[begin] // per:
            bands.append(Band(begin, place))
            begin = place
    return tuple(bands)


def _spots(spots: dict[str, Spot], shape: Shape, block: Block, room: _Room, top: int) -> None:
    pitch, step, height, per, left = room.pitch, room.grid.step, room.grid.high, block.per, block.x
    size = max(1, min(2, pitch) if room.zoom == "dots" else min(pitch - room.grid.gap, block.columns))
    y = top + room.grid.head
    for band in block.bands:
        for place in range(band.begin, band.end):
            spots[shape.ids[place]] = Spot(left + shape.slots[place] % per * pitch, y, size, height)
        y += step
    for begin, end in block.chains:
        name, first, at = iterations_at(end - begin - 1, block.columns)
        spots[shape.ids[begin]] = Spot(left, y, name, 1)
        for place in range(begin + 1 + first, end):
            spots[shape.ids[place]] = Spot(left + at + place - begin - 1 - first, y, 1, 1)
        y += 1
