"""The regions of the map as they stand: what nobody changed is neither gathered nor put in order again."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from orchestrator_tui.fleet.arranged import Arranged
from orchestrator_tui.ui.cells import Seen, matches
from orchestrator_tui.ui.frame import Cell, Region, region_of

LAST = 1 << 62


class Regions:
    """Sessions by region, in the order of their seats."""

    def __init__(self) -> None:
        self._members: dict[str, list[Seen]] = {}
        self._made: dict[str, tuple[int, int, Region]] = {}
        """Region -> (when it began, how many the filter leaves out, it)."""
        self._places: dict[str, dict[str, int]] = {}
        """Region -> where in it the cell of a session is."""
        self._dirty: set[str] = set()
        self._touched: dict[str, list[Cell]] = {}
        """Region -> cells that came in the place of others."""
        self._arranged: Arranged | None = None
        self._wanted = ""
        self.shown: tuple[Region, ...] = ()
        """In their order."""

    @property
    def hidden(self) -> int:
        """How many cells the filter leaves out."""
        return sum(hidden for _, hidden, _ in self._made.values())

    def take(self, sessions: Iterable[Seen]) -> None:
        """All sessions of the fleet; those that work for another stand in no region."""
        self._members = {}
        for seen in sorted(sessions, key=lambda seen: seen.order[:4]):
            if not seen.helper:
                self._members.setdefault(seen.region, []).append(seen)
        self._made = {name: part for name, part in self._made.items() if name in self._members}
        self._dirty.update(self._members)
        self._arranged = None

    def change(self, seen: Seen, cell: Cell | None) -> None:
        """A session's cell is another one now."""
        old, seen.cell = seen.cell, cell
        if seen.helper:
            return
        if cell is not None and old is not None and not self._wanted:
            self._touched.setdefault(seen.region, []).append(cell)
        else:
            self._dirty.add(seen.region)

    def bring_up(self, arranged: Arranged, now: int, needle: str) -> tuple[Region, ...]:
        """The regions as they are; `needle` shows only what matches."""
        if needle != self._wanted:
            self._wanted = needle
            self._dirty.update(self._members)
        for name in self._dirty:
            self._gather(name, now)
        for name in self._touched.keys() - self._dirty:
            self._replace(name, self._touched[name])
        if self._dirty or self._touched or arranged is not self._arranged:
            self._arranged = arranged
            self._put_in_order(arranged)
        self._dirty, self._touched = set(), {}
        return self.shown

    def _put_in_order(self, arranged: Arranged) -> None:
        """As a person put them, then by when their first session began: an arrival never moves the others."""
        place = {name: number for number, name in enumerate(arranged.regions)}
        pinned = frozenset(arranged.pinned)
        parts = [(begun, region) for begun, _, region in self._made.values() if region.cells]
        if not self._wanted:
            there = {region.name for _, region in parts}
            parts += [(0, region_of(name, ())) for name in arranged.pinned if name not in there]
        parts.sort(key=lambda p: (p[1].name not in pinned, place.get(p[1].name, LAST), p[0], p[1].name))
        self.shown = tuple([replace(r, pinned=True) if r.name in pinned else r for _, r in parts])

    def _gather(self, name: str, now: int) -> None:
        """One region's cells anew."""
        members = [seen for seen in self._members.get(name, ()) if seen.cell is not None]
        wanted = self._wanted
        kept = [seen for seen in members if matches(seen.cell, wanted)] if wanted else members  # type: ignore[arg-type]
        begun = min((seen.session.started_at for seen in kept), default=now)
        region = region_of(name, tuple([seen.cell for seen in kept if seen.cell is not None]), bool(wanted))
        before = self._made.get(name)
        if before is not None and before[2].shape.same(region.shape):
            region = replace(region, shape=before[2].shape)
        self._places[name] = {session: place for place, session in enumerate(region.shape.ids)}
        self._made[name] = (min(begun, now), len(members) - len(kept), region)

    def _replace(self, name: str, changed: list[Cell]) -> None:
        """Cells in the places of those that they were before."""
        begun, hidden, region = self._made[name]
        places, cells = self._places[name], list(region.cells)
        needs, tokens = region.needs, region.tokens
        for cell in changed:
            place = places[cell.id]
            needs += cell.status.needs_you - cells[place].status.needs_you
            tokens += cell.tokens - cells[place].tokens
            cells[place] = cell
        self._made[name] = (begun, hidden, Region(name, tuple(cells), region.shape, needs, tokens))
